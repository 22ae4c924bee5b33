// Every text exists in every language, and no text is unused.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { CONTROL_CODES, describe as describeError, describeRequestError, REQUEST_CODES, CODES_WITH_DETAIL } from "../src/errors";
import { ControlFailure } from "../src/control/control";
import { wait } from "../src/format";
import en from "../src/i18n/en";
import fr from "../src/i18n/fr";
import { type Key, plural, t } from "../src/i18n/index.svelte";
import zh from "../src/i18n/zh";
import { messageText, selectionReasonText } from "../src/messages";
import { GUIDES } from "../src/client-guides/guides";
import { CHOICES, SECTIONS } from "../src/state/settings";
import { switchLanguage } from "./support";

const TEXTS = { en, zh, fr };
const I18N = join(import.meta.dirname, "../src/i18n");
const keys = Object.keys(TEXTS.en) as Key[];
const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((hole) => hole[1]).sort();

function sources(folder: string): string {
  const entries = readdirSync(folder, { withFileTypes: true });
  const own = entries
    .filter((one) => one.isFile() && /\.(ts|svelte)$/.test(one.name))
    .map((one) => readFileSync(join(folder, one.name), "utf8"));
  return [...own, ...entries.filter((one) => one.isDirectory()).map((one) => sources(join(folder, one.name)))].join("\n");
}

const code = sources(join(import.meta.dirname, "../src"));

const keysOf = (language: string, file: string) => {
  const text = readFileSync(join(I18N, language, file), "utf8");
  return [...text.matchAll(/^ *"([^"]+)":/gm)].map(([, key]) => key as string);
};
const textFiles = (language: string) => readdirSync(join(I18N, language)).filter((file) => file.endsWith(".json"));

// JSON parsers silently take the last of two equal keys, and so does a spread.
test.each(["en", "zh", "fr"] as const)("%s has each key once, and every file is loaded", (language) => {
  const written = textFiles(language).flatMap((file) => keysOf(language, file));
  expect(written.filter((key, at) => written.indexOf(key) !== at)).toEqual([]);
  expect(written.sort()).toEqual(Object.keys(TEXTS[language]).sort());
});

test.each(["zh", "fr"] as const)("%s has the files of English, with the same keys in the same order", (language) => {
  expect(textFiles(language)).toEqual(textFiles("en"));
  for (const file of textFiles("en")) expect(keysOf(language, file), file).toEqual(keysOf("en", file));
});

test.each(["zh", "fr"] as const)("%s has exactly the keys of English, none empty", (language) => {
  expect(Object.keys(TEXTS[language])).toEqual(keys);
  for (const key of keys) expect(TEXTS[language][key].trim(), key).not.toBe("");
});

test.each(["zh", "fr"] as const)("%s fills in the same values", (language) => {
  for (const key of keys) expect(holes(TEXTS[language][key]), key).toEqual(holes(TEXTS.en[key]));
});

test.each(["zh", "fr"] as const)("%s is translated", (language) => {
  const sentences = keys.filter((key) => TEXTS.en[key].split(" ").length > 4);
  expect(sentences.filter((key) => TEXTS[language][key] === TEXTS.en[key])).toEqual([]);
});

test("every key is used", () => {
  const literal = new Set([...code.matchAll(/"([a-z0-9_.-]+)"/g)].map((found) => found[1] as string));
  const patterns = [...code.matchAll(/\bt\(\s*`([^`]+)`/g)].map((found) => found[1] as string).filter((one) => !one.startsWith("${"));
  const composed = patterns.map(
    (one) =>
      new RegExp(
        `^${one
          .split(/\$\{(?:[^{}]|\{[^}]*\})*\}/)
          .map((part) => part.replaceAll(".", "\\."))
          .join("[a-z0-9_.-]+")}$`,
      ),
  );
  const used = (key: string) => literal.has(key) || literal.has(key.replace(/\.(one|other)$/, "")) || composed.some((one) => one.test(key));
  expect(keys.filter((key) => !used(key))).toEqual([]);
});

test("every literal key that is asked for exists", () => {
  const asked = [...code.matchAll(/\bt\(\s*"([^"]+)"/g)].map((found) => found[1] as string);
  expect(asked.length).toBeGreaterThan(200);
  expect(asked.filter((key) => !(key in TEXTS.en))).toEqual([]);
});

test("families of keys are whole", () => {
  for (const name of Object.values(SECTIONS).flat())
    expect(keys, name).toEqual(expect.arrayContaining([`setting.${name}`, `setting.${name}.text`]));
  for (const { id } of GUIDES) expect(keys, id).toEqual(expect.arrayContaining([`guide.${id}.text`, `guide.${id}.note`]));
  for (const [name, values] of Object.entries(CHOICES)) for (const value of values) expect(keys).toContain(`choice.${name}.${value}`);
});

test.each(["en", "zh", "fr"] as const)("every error has a sentence and a next step in %s", async (language) => {
  await switchLanguage(language);
  for (const code of CONTROL_CODES) {
    const description = describeError(new ControlFailure(code, "because"));
    expect(description.text.includes("Because."), code).toBe(language === "en" || CODES_WITH_DETAIL.includes(code));
    // A refused input is explained by its reason alone.
    if (code === "bad_arguments") expect(description).toEqual({ severity: "error", text: "Because.", step: null });
    else expect(description.step, code).toBeTruthy();
  }
  for (const code of REQUEST_CODES) expect(describeRequestError(code).step, code).toBeTruthy();
});

test("an unknown code is shown as it is, also one that looks like a property", () => {
  expect(describeRequestError("brand_new")).toEqual({ severity: "error", text: "brand_new", step: null });
  expect(describeRequestError("constructor").text).toBe("constructor");
  expect(describeError(new Error("secret detail")).text).not.toContain("secret detail");
});

test("a remaining time has no zeros", async () => {
  await switchLanguage("en");
  expect(wait(3 * 3_600_000)).toBe("3 h");
  expect(wait(3 * 3_600_000 + 120_000)).toBe("3 h 2 min");
  expect(wait(5 * 60_000)).toBe("5 min");
});

test("plurals follow the language", async () => {
  await switchLanguage("en");
  expect([plural("requests.count", 1), plural("requests.count", 2)]).toEqual(["1 request", "2 requests"]);
  await switchLanguage("fr");
  expect(plural("requests.count", 0)).toBe("0 requête");
  await switchLanguage("zh");
  expect(plural("requests.count", 1)).toBe("1 个请求");
});

test("a value is filled in as it is, dollar signs and braces included", async () => {
  await switchLanguage("en");
  expect(t("accounts.removed", { label: "$& {label}" })).toBe("Removed: $& {label}");
});

test("the program's messages are shown in the user's language", async () => {
  await switchLanguage("fr");
  const failure = new ControlFailure("exists", "there is an account of this label already", { what: "label_taken" });
  expect(describeError(failure).text).toBe(`${t("error.exists.text")} ${t("message.label_taken")}`);
  expect(messageText({ what: "keyless", port: 11434 })).toContain("11434");
  expect(messageText({ what: "failed", kind: "timeout", detail: "no first byte in 60 s" })).toBe(
    `${t("failure.timeout")} No first byte in 60 s.`,
  );
  expect(messageText({ what: "secret_unread", error: { what: "locked" } })).toBe(`${t("message.secret_unread")} ${t("store.locked")}`);
  expect(messageText({ what: "pasted", error: { what: "unusable", detail: "separator" } })).toBe(t("secret_format.separator"));
  expect(messageText({ what: "plain", text: "as it is" })).toBe("as it is");
});

test("the reason of a selection counts the skipped accounts", async () => {
  await switchLanguage("en");
  const picked = { by: "balance", ready: 2, running: 1, limited: 3, needs_login: 0, disabled: 1, tries: true } as const;
  expect(selectionReasonText(picked)).toBe(
    "Balanced: the least busy and least used of 2 accounts (1 running). Passed over: 3 limited and 1 paused. The call tries whether Mammouth is back.",
  );
  await switchLanguage("zh");
  expect(selectionReasonText(picked)).not.toContain(" paused");
  expect(selectionReasonText("of an older version")).toBe("of an older version");
});
