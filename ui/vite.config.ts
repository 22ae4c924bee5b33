import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

// The page is served from two places: compiled into the headless program, and by the window's own scheme. Both put it at
// the root. Nothing may be inlined: the content security policy allows neither inline code nor data: addresses.
export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
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
