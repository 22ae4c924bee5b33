// The page's lists must match the program's: they are read from its sources.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { NOTES, OUTCOMES } from "../src/messages";
import { DIALECTS } from "../src/pages/requests/dialects";

const crates = join(import.meta.dirname, "../../src-tauri/crates");
const rust = (path: string) => readFileSync(join(crates, path), "utf8");

test("every dialect of the log has its name", () => {
  const folder = join(crates, "dialects/src");
  const files = readdirSync(folder).filter((file) => file.endsWith(".rs") && file !== "tests.rs");
  const names = files.flatMap((file) => [...rust(`dialects/src/${file}`).matchAll(/fn name\(&self\)[^]*?"([a-z-]+)"/g)]);
  const ids = names.map(([, id]) => id as string);
  expect(ids.length).toBeGreaterThan(3);
  expect(ids.sort()).toEqual(DIALECTS.map(([id]) => id).sort());
});

test("every word for the end of a call has its own in each language", () => {
  const words = /fn outcome_word\(kind[^]*?\n}/.exec(rust("gateway/src/proxy/attempts.rs"))?.[0] ?? "";
  const kinds = [...words.matchAll(/=> "([a-z ]+)"/g)].map(([, word]) => word as string);
  expect(kinds.length).toBeGreaterThan(10);
  expect([...kinds, "ok"].sort()).toEqual(Object.keys(OUTCOMES).sort());
});

test("every note of the log has its sentence", () => {
  const hearing = rust("prompted-tools/src/reply_parser.rs");
  const notes = [...hearing.matchAll(/note = Some\("(\w+)"\)/g)].map(([, note]) => note as string);
  const unchecked = /UNCHECKED_NOTE: &str = "(\w+)"/.exec(hearing)?.[1];
  const again = /REPAIRED_NOTE: &str = "(\w+)"/.exec(rust("upstreams/src/web_session/text_pipeline.rs"))?.[1];
  expect([again, unchecked, ...notes].sort()).toEqual([...NOTES].sort());
});
