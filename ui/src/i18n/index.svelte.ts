// Texts in the reader's language. A key that a language lacks does not compile.

import { look } from "../state/appearance.svelte";
import en from "./en.json";
import fr from "./fr.json";
import zh from "./zh.json";

export type Key = keyof typeof en;
export type Language = "en" | "zh" | "fr";
/** Keys that come in a singular and a plural. */
export type Plural = Key extends infer K ? (K extends `${infer Base}.other` ? Base : never) : never;

type Values = { [name: string]: string | number };

export const TEXTS: { [language in Language]: { [key in Key]: string } } = { en, zh, fr };

/** The language texts are shown in now. */
export function language(): Language {
  if (look.language !== "auto") return look.language;
  for (const wanted of navigator.languages) {
    const known = wanted.slice(0, 2).toLowerCase();
    if (known in TEXTS) return known as Language;
  }
  return "en";
}

export function t(key: Key, values: Values = {}): string {
  return fill(TEXTS[language()][key], values);
}

/** The text for `count` things; `{n}` in it is the number. */
export function plural(base: Plural, count: number, values: Values = {}): string {
  const rule = new Intl.PluralRules(language()).select(count) === "one" ? "one" : "other";
  const n = new Intl.NumberFormat(language()).format(count);
  return t(`${base}.${rule}` as Key, { n, ...values });
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
