// Rules that the sources must keep.

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../src");
const LONGEST_FILE = 400;

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((one) =>
    one.isDirectory() ? files(join(folder, one.name)) : [join(folder, one.name)],
  );
}

const code = files(ROOT)
  .filter((path) => /\.(ts|svelte|css)$/.test(path))
  .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, "utf8") }));

const where = (pattern: RegExp) => code.filter(({ text }) => pattern.test(text)).map(({ path }) => path);

test("only the control implementations use Tauri", () => {
  expect(where(/@tauri-apps|__TAURI/).filter((path) => !path.startsWith("control/"))).toEqual([]);
});

test("only the control implementations use the network", () => {
  expect(where(/\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon/).filter((path) => !path.startsWith("control/"))).toEqual([]);
});

test("texts are never used as markup or code", () => {
  expect(where(/\{@html|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/)).toEqual([]);
});

test("there is no style attribute, which the content security policy would refuse", () => {
  expect(where(/\sstyle="/)).toEqual([]);
});

test("nothing is loaded from another origin", () => {
  const addresses = code.flatMap(({ path, text }) => [...text.matchAll(/(?:href|src|url\()=?["'(]?(https?:)/g)].map(() => path));
  expect(addresses).toEqual([]);
});

test("only language and theme are stored in the browser, and the session token in its tab", () => {
  expect(where(/localStorage|indexedDB|document\.cookie/)).toEqual(["state/appearance.svelte.ts"]);
  expect(where(/sessionStorage/)).toEqual(["control/session-token.ts"]);
});

test("the mock is not imported by the product", () => {
  expect(where(/from "[^"]*\/mock|import\("[^"]*\/mock/)).toEqual([]);
});

test("spacing and text sizes that have a token use it", () => {
  const tokens = readFileSync(join(ROOT, "app.css"), "utf8");
  const spaces = [...tokens.matchAll(/--space-[\d-]+: (\d+px);/g)].map(([, size]) => size);
  expect(spaces.length).toBeGreaterThan(8);
  const raw = new RegExp(`\\b(?:gap|padding[a-z-]*|margin[a-z-]*): (?:[^;c]* )?(?:${spaces.join("|")})[ ;]`);
  expect(where(raw)).toEqual([]);
  expect(where(/font-size: [\d.]+px/)).toEqual([]);
});

test("files are short", () => {
  const long = code.filter(({ path }) => !path.includes("generated/")).map(({ path, text }) => [path, text.split("\n").length] as const);
  expect(long.filter(([, lines]) => lines > LONGEST_FILE)).toEqual([]);
});

test("versions are exact, and the lock names no registry", () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, "../package.json"), "utf8"));
  const versions = Object.values({ ...manifest.dependencies, ...manifest.devDependencies }) as string[];
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  expect(readFileSync(join(ROOT, "../package-lock.json"), "utf8")).not.toContain('"resolved"');
});
