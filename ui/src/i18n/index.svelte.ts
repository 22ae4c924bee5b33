// Texts in the user's language. A key that a language lacks does not compile.
//
// English is part of the bundle. The other languages are loaded on demand; until one has arrived, the previous one stays.

import { appearance } from "../state/appearance.svelte";
import en from "./en";

export type Key = keyof typeof en;
export type Texts = { [key in Key]: string };
export type Language = "en" | "zh" | "fr";
/** Keys that come in a singular and a plural. */
export type Plural = Key extends infer K ? (K extends `${infer Base}.other` ? Base : never) : never;

type Values = { [name: string]: string | number };

const LOADERS: { [language in Language]: () => Promise<{ default: Texts }> } = {
  en: () => Promise.resolve({ default: en }),
  fr: () => import("./fr"),
  zh: () => import("./zh"),
};

let current = $state.raw<{ language: Language; texts: Texts }>({ language: "en", texts: en });

/** The language that texts are shown in now. */
export function language(): Language {
  return current.language;
}

/** Loads the language that the settings ask for, and switches to it. A language that cannot be loaded changes nothing. */
export async function loadLanguage(): Promise<void> {
  const wanted = preferredLanguage();
  try {
    const { default: texts } = await LOADERS[wanted]();
    if (wanted === preferredLanguage()) current = { language: wanted, texts };
  } catch {
    // The program was stopped meanwhile: the current texts are better than none.
  }
}

export function t(key: Key, values: Values = {}): string {
  return fill(current.texts[key], values);
}

/** Whether there is a text for a key that came from outside. */
export function isKey(key: string): key is Key {
  return Object.hasOwn(en, key);
}

/** The singular or plural text for `count`; `{n}` is the number. */
export function plural(base: Plural, count: number, values: Values = {}): string {
  const rule = new Intl.PluralRules(language()).select(count) === "one" ? "one" : "other";
  const n = new Intl.NumberFormat(language()).format(count);
  return t(`${base}.${rule}` as Key, { n, ...values });
}

function preferredLanguage(): Language {
  if (appearance.language !== "auto") return appearance.language;
  for (const tag of navigator.languages) {
    const known = tag.slice(0, 2).toLowerCase();
    if (known in LOADERS) return known as Language;
  }
  return "en";
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
