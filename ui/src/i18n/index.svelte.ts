// Texts in the user's language. A key that a language lacks does not compile.

import { appearance } from "../state/appearance.svelte";
import en from "./en.json";
import fr from "./fr.json";
import zh from "./zh.json";

export type Key = keyof typeof en;
export type Language = "en" | "zh" | "fr";
/** Keys that come in a singular and a plural. */
export type Plural = Key extends infer K ? (K extends `${infer Base}.other` ? Base : never) : never;

type Values = { [name: string]: string | number };

export const TEXTS: { [language in Language]: { [key in Key]: string } } = { en, zh, fr };

/** The current language. */
export function language(): Language {
  if (appearance.language !== "auto") return appearance.language;
  for (const wanted of navigator.languages) {
    const known = wanted.slice(0, 2).toLowerCase();
    if (known in TEXTS) return known as Language;
  }
  return "en";
}

export function t(key: Key, values: Values = {}): string {
  return fill(TEXTS[language()][key], values);
}

/** The singular or plural text for `count`; `{n}` is the number. */
export function plural(base: Plural, count: number, values: Values = {}): string {
  const rule = new Intl.PluralRules(language()).select(count) === "one" ? "one" : "other";
  const n = new Intl.NumberFormat(language()).format(count);
  return t(`${base}.${rule}` as Key, { n, ...values });
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
