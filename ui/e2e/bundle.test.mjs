// The product's bundle: what it must not contain.
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { before, describe, test } from "node:test";

import { build } from "vite";

const ROOT = join(import.meta.dirname, "..");

describe("the product's bundle", () => {
  let chunks, modules;

  before(async () => {
    const { output } = await build({ root: ROOT, logLevel: "error", build: { write: false } });
    chunks = output.filter((file) => file.type === "chunk");
    modules = chunks.flatMap((chunk) => Object.keys(chunk.modules)).map((id) => relative(ROOT, id));
  });

  test("contains the application and not the mock", () => {
    assert.ok(
      modules.some((id) => id.endsWith("App.svelte")),
      modules.join(),
    );
    assert.deepEqual(
      modules.filter((id) => /^(mock|tests|e2e)\//.test(id)),
      [],
    );
  });

  test("loads other languages than English on demand, each in one file", () => {
    const holding = (language) => chunks.filter((chunk) => Object.keys(chunk.modules).some((id) => id.includes(`/src/i18n/${language}/`)));
    assert.deepEqual(
      holding("en").map((chunk) => chunk.isEntry),
      [true],
    );
    for (const language of ["fr", "zh"])
      assert.deepEqual(
        holding(language).map((chunk) => chunk.isDynamicEntry),
        [true],
        language,
      );
  });
});
