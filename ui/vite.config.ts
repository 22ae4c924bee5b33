import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** In the mode `mock` the page starts from `mock/main.ts`, so that the product never refers to the mock. */
function mockEntry(mode: string): Plugin {
  const handler = (html: string) => (mode === "mock" ? html.replace("/src/main.ts", "/mock/main.ts") : html);
  return { name: "mock-entry", transformIndexHtml: { order: "pre", handler } };
}

// The page is served from two places: compiled into the headless program, and by the window's own scheme. Both put it at
// the root. Nothing may be inlined: the content security policy allows neither inline code nor data: addresses.
export default defineConfig(({ mode }) => ({
  plugins: [svelte(), mockEntry(mode)],
  build: {
    target: "es2022",
    outDir: mode === "mock" ? "../target/ui-mock" : "dist",
    emptyOutDir: true,
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { host: "127.0.0.1", port: 5183, strictPort: true },
  preview: { host: "127.0.0.1", port: 5184, strictPort: true },
  resolve: process.env.VITEST ? { conditions: ["browser"] } : {},
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts"], testTimeout: 60_000 },
}));
