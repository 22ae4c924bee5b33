// The product's bundle: what it must not contain.
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { before, describe, test } from "node:test";

import { build } from "vite";

const ROOT = join(import.meta.dirname, "..");

describe("the product's bundle", () => {
  let modules;

  before(async () => {
    const { output } = await build({ root: ROOT, logLevel: "error", build: { write: false } });
    const chunks = output.filter((file) => file.type === "chunk");
    modules = chunks.flatMap((chunk) => Object.keys(chunk.modules)).map((id) => relative(ROOT, id));
  });

  test("contains the application and not the mock", () => {
    assert.ok(modules.some((id) => id.endsWith("App.svelte")), modules.join());
    assert.deepEqual(modules.filter((id) => /^(mock|tests|e2e)\//.test(id)), []);
  });
});
