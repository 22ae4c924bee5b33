import { execFileSync } from "node:child_process";

import { describe, expect, test } from "vitest";

import { type GuideModel, KEY_MASK, GUIDES, UNKNOWN_MODEL, guideValues } from "../src/client-guides/guides";
import { shell, toml, yaml } from "../src/client-guides/quoting";

const model: GuideModel = { id: "claude-sonnet-4-5", context: 200_000, output: 64_000, vision: true, tools: true };
const filled = guideValues("http://127.0.0.1:4321/v1", "mp-secret", model, [model, { id: "gpt-5-mini", ...UNKNOWN_MODEL }]);
const texts = (id: string) => GUIDES.find((one) => one.id === id)?.snippets.map((one) => one.text(filled)) ?? [];
const fields = (id: string) =>
  Object.fromEntries(GUIDES.find((one) => one.id === id)?.fields.map((one) => [one.name, one.value(filled)]) ?? []);

describe("client guides", () => {
  test("exist once for every supported client", () => {
    const ids = GUIDES.map((one) => one.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(
      expect.arrayContaining([
        "continue",
        "cline",
        "zed",
        "jetbrains",
        "vscode",
        "opencode",
        "aider",
        "claude_code",
        "codex",
        "xcode",
        "ollama",
        "curl",
        "python",
        "node",
        "cursor",
      ]),
    );
  });

  test("leave no value unfilled", () => {
    for (const guide of GUIDES) {
      const all = [...guide.snippets.map((one) => one.text(filled)), ...guide.fields.map((one) => one.value(filled))].join("\n");
      expect(all, guide.id).not.toMatch(/undefined|null|NaN|\[object|YOUR_|<.*>/);
      if (guide.id !== "cursor") expect(all, guide.id).toContain("4321");
    }
  });

  test("mark every field that contains the key", () => {
    const masked = { ...filled, key: KEY_MASK };
    for (const guide of GUIDES)
      for (const field of guide.fields)
        expect(field.value(masked).includes(KEY_MASK), `${guide.id} ${field.name}`).toBe(field.secret === true);
  });

  test("contain valid JSON where the file is JSON", () => {
    expect(JSON.parse(texts("opencode")[0] ?? "").provider["mammouth-proxy"].options).toEqual({
      baseURL: "http://127.0.0.1:4321/v1",
      apiKey: "mp-secret",
    });
    expect(JSON.parse(texts("zed")[0] ?? "").language_models.openai_compatible["Mammouth Proxy"].api_url).toBe("http://127.0.0.1:4321/v1");
    expect(JSON.parse(texts("claude_code")[1] ?? "").env.ANTHROPIC_BASE_URL).toBe("http://127.0.0.1:4321");
    expect(JSON.parse(texts("vscode")[0] ?? "")[0]).toMatchObject({
      url: "http://127.0.0.1:4321/v1/chat/completions",
      maxInputTokens: 136_000,
      maxOutputTokens: 64_000,
    });
  });

  test("give each client the address that it expects", () => {
    expect(texts("codex")[0]).toContain('base_url = "http://127.0.0.1:4321/v1"');
    expect(texts("codex")[0]).toContain('wire_api = "responses"');
    expect(texts("codex").join("")).toContain("MAMMOUTH_PROXY_KEY='mp-secret'");
    expect(fields("xcode")["URL"]).toBe("http://127.0.0.1:4321");
    expect(fields("cline")["Base URL"]).toBe("http://127.0.0.1:4321/v1");
    expect(texts("ollama")[0]).toContain("http://127.0.0.1:4321/api/tags");
  });

  test("accept a base URL with and without a slash", () => {
    expect(guideValues("http://h:1/v1/", "k", model, []).root).toBe("http://h:1");
    expect(guideValues("http://h:1/v1/", "k", model, []).base).toBe("http://h:1/v1");
  });
});

describe("a hostile model name", () => {
  const bad = `x'; touch /tmp/pwned; "$(id)" \\ \u007f é`;

  test("is one word in the shell", () => {
    expect(execFileSync("sh", ["-c", `printf %s ${shell(bad)}`]).toString()).toBe(bad);
  });

  test("is one string in YAML, TOML and JSON", () => {
    expect(JSON.parse(yaml(bad))).toBe(bad);
    expect(JSON.parse(toml(bad))).toBe(bad);
    expect(toml(bad)).not.toContain("\u007f");
  });

  test("cannot break out of a shell snippet", () => {
    const hostile = guideValues("http://127.0.0.1:1/v1", "k", { ...model, id: bad }, []);
    const script = GUIDES.find((one) => one.id === "aider")?.snippets[0]?.text(hostile) ?? "";
    expect(execFileSync("sh", ["-c", `aider() { printf %s "$2"; }; ${script}`]).toString()).toBe(`openai/${bad}`);
  });
});
