// Agents as their users have them: programs in PATH, and settings of their own in the home folder.
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { MODEL, openCodeProgram, packageFile } from "./agents.mjs";

// Nobody listens there: what an agent wants from the internet, or from the address its settings name, fails at once.
const NOWHERE = "http://127.0.0.1:9";

/**
 * The agents by the ids of `mammouth-proxy clients`. `files` are the settings that each has before, `args` those of one
 * that was set up, `launchArgs` those of one that is launched, and `hostile` settings that lead elsewhere.
 */
export const CLIENTS = [
  {
    id: "claude-code",
    program: "claude",
    script: () => packageFile("@anthropic-ai/claude-code", "cli-wrapper.cjs"),
    files: {
      ".claude/settings.json": `{
  "env": { "DISABLE_AUTOUPDATER": "1",   "EDITOR": "vim" },
  "permissions": {
      "allow": ["Bash(git log:*)"]
  },

  "includeCoAuthoredBy": false
}`,
    },
    hostile: {
      ".claude/settings.json": `{"env": {"ANTHROPIC_BASE_URL": "${NOWHERE}", "ANTHROPIC_AUTH_TOKEN": "another-token-0123456789",
  "ANTHROPIC_MODEL": "claude-opus-4-1", "DISABLE_AUTOUPDATER": "1"}, "apiKeyHelper": "echo another-key"}`,
    },
    args: (prompt) => ["--print", "--permission-mode", "acceptEdits", "--", prompt],
    launchArgs: (prompt) => ["--print", "--permission-mode", "acceptEdits", prompt],
  },
  {
    id: "codex",
    program: "codex",
    script: () => packageFile("@openai/codex", "bin/codex.js"),
    files: {
      ".codex/config.toml": `# Mine.
model = "gpt-5-mini"    # the cheap one
model_provider = "mine"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.mine]
name = "Mine"
base_url = "${NOWHERE}/v1"
wire_api = "responses"
`,
    },
    args: (prompt) => ["--profile", "mammouth-proxy", "exec", "--skip-git-repo-check", prompt],
    launchArgs: (prompt) => ["exec", "--skip-git-repo-check", prompt],
  },
  {
    id: "opencode",
    program: "opencode",
    native: openCodeProgram,
    files: {
      ".config/opencode/opencode.jsonc": `{
  // No surprises.
  "$schema": "https://opencode.ai/config.json",
  "autoupdate": false, "share": "disabled",
  "provider": {
    "mine": { "npm": "@ai-sdk/openai-compatible", "options": { "baseURL": "${NOWHERE}/v1", "apiKey": "x" },
              "models": { "m": {} }, },
  },
}
`,
    },
    // With a title of ours it asks for none.
    args: () => ["run", "--title", "test", "--model", `mammouth-proxy/${MODEL}`],
    launchArgs: () => ["run", "--title", "test"],
    input: (prompt) => prompt,
    variables: { OPENCODE_DISABLE_MODELS_FETCH: "1" },
  },
  {
    id: "qwen-code",
    program: "qwen",
    script: () => packageFile("@qwen-code/qwen-code", "cli.js"),
    files: {
      ".qwen/settings.json": `{
    "general": {"disableAutoUpdate": true},
    "privacy": { "usageStatisticsEnabled": false },
    "telemetry": { "enabled": false },
    "$version": 4
}
`,
    },
    args: (prompt) => ["--yolo", "--prompt", prompt],
    launchArgs: (prompt) => ["--yolo", "--prompt", prompt],
    // It sends plain HTTP through that proxy too, whatever NO_PROXY says.
    variables: { HTTPS_PROXY: "" },
  },
  {
    id: "continue",
    program: "cn",
    script: () => packageFile("@continuedev/cli", "dist/cn.js"),
    files: {
      ".continue/config.yaml": `# Mine.
name: Mine
version: 1.0.0
schema: v1
# No models yet.
rules: []
`,
    },
    args: (prompt) => ["--print", "--auto", prompt],
  },
  {
    id: "pi",
    program: "pi",
    script: () => join(import.meta.dirname, "node_modules/@mariozechner/pi-coding-agent/dist/cli.js"),
    files: {
      ".pi/agent/models.json": `{ "providers": {
  "mine": { "baseUrl": "${NOWHERE}/v1", "apiKey": "X", "api": "openai-completions", "models": [ { "id": "m" } ] }
} }
`,
      ".pi/agent/settings.json": `{"defaultProvider": "mine", "defaultModel": "m"}`,
    },
    args: (prompt) => ["--provider", "mammouth-proxy", "--model", MODEL, "--no-session", "--print", prompt],
  },
  {
    id: "copilot-cli",
    program: "copilot",
    script: () => packageFile("@github/copilot", "npm-loader.js"),
    files: { ".copilot/settings.json": `{"banner":  "never"}` },
    launchArgs: (prompt) => ["--allow-all-tools", "-p", prompt],
  },
];

/** Puts the agent into a folder for PATH, and its settings into the home folder. */
export async function install(client, { home, bin, files = client.files }) {
  await mkdir(bin, { recursive: true });
  const command = client.native ? [client.native()] : [process.execPath, client.script()];
  const path = join(bin, client.program);
  await writeFile(path, `#!/bin/sh\nexec ${command.map((word) => `'${word}'`).join(" ")} "$@"\n`);
  await chmod(path, 0o755);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(home, name)), { recursive: true });
    await writeFile(join(home, name), text, { mode: 0o600 });
  }
}

/** What is in the settings now; null for a file that is not there. */
export async function settings(home, files) {
  const read = async (name) => [name, await readFile(join(home, name), "utf8").catch(() => null)];
  return Object.fromEntries(await Promise.all(Object.keys(files).map(read)));
}

/** The environment of a user who has set no variable for any agent, without the internet. */
export function environment(client, { home, bin }) {
  return {
    PATH: `${bin}:${process.env.PATH}`,
    HOME: home,
    HTTPS_PROXY: NOWHERE,
    NO_PROXY: "127.0.0.1",
    ...client.variables,
  };
}
