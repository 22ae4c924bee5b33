// The page's lists must match the program's: they are read from its sources.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { NOTES, OUTCOMES } from "../src/messages";
import { DIALECTS } from "../src/pages/requests/dialects";

const rust = (path: string) => readFileSync(join(import.meta.dirname, "../../src-tauri/crates", path), "utf8");

test("every dialect of the log has its name", () => {
  const names = /fn name\(self\)[^]*?\n {4}}/.exec(rust("dialects/src/lib.rs"))?.[0] ?? "";
  const ids = [...names.matchAll(/=> "([a-z-]+)"/g)].map(([, id]) => id as string);
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
