// Coding agents as their makers publish them: how each is told where its model is, and how it is run without a human.
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { KEY } from "../sdk/node/program.mjs";

// One that web sessions and API keys both serve.
export const MODEL = "gpt-5";
const LIMIT_MS = 120_000;
// Nobody listens there: what an agent wants from the internet fails at once, also on a machine that has it.
const NOWHERE = "http://127.0.0.1:9";

const { resolve } = createRequire(import.meta.url);
export const packageFile = (name, file) => join(dirname(resolve(`${name}/package.json`)), file);

async function qwen(type, variables, prompt) {
  const script = packageFile("@qwen-code/qwen-code", "cli.js");
  const args = [script, "--auth-type", type, "--model", MODEL, "--yolo", "--telemetry", "false", "--prompt", prompt];
  return { args, variables: { ...variables, QWEN_TELEMETRY_ENABLED: "false" } };
}

// Without a model it takes its own default. `servers` are the MCP servers' tables.
async function codex(home, url, prompt, { model, servers = "" } = {}) {
  const folder = join(home, ".codex");
  await mkdir(folder, { recursive: true });
  // Its own sandbox is off: it needs rights that containers lack, and the folders are thrown away anyway.
  await writeFile(
    join(folder, "config.toml"),
    `${model ? `model = "${model}"` : ""}
model_provider = "proxy"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.proxy]
name = "Mammouth Proxy"
base_url = "${url}/v1"
env_key = "PROXY_KEY"
wire_api = "responses"
${servers}`,
  );
  const script = packageFile("@openai/codex", "bin/codex.js");
  return { args: [script, "exec", "--skip-git-repo-check", prompt], variables: { PROXY_KEY: KEY } };
}

const GLOSSARY = `[mcp_servers.glossary]
command = ${JSON.stringify(process.execPath)}
args = [${JSON.stringify(join(import.meta.dirname, "glossary.mjs"))}]
`;

// `allowed` are tools that it may use without being asked.
async function claude(_home, url, prompt, { allowed = [] } = {}) {
  const script = packageFile("@anthropic-ai/claude-code", "cli-wrapper.cjs");
  const rights = ["--permission-mode", "acceptEdits", ...allowed.flatMap((name) => ["--allowedTools", name])];
  const args = [script, "--print", ...rights, "--", prompt];
  const variables = {
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_AUTH_TOKEN: KEY,
    ANTHROPIC_MODEL: MODEL,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_AUTOUPDATER: "1",
    // It sends plain HTTP through a proxy for HTTPS too, and waits there.
    NO_PROXY: "127.0.0.1",
  };
  return { args, variables };
}

// Its program lies in a package of its own for each platform; for older processors in one more, which runs everywhere.
export function openCodeProgram() {
  const platform = `opencode-${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const file = process.platform === "win32" ? "bin/opencode.exe" : "bin/opencode";
  for (const name of ["-baseline", "", "-baseline-musl", "-musl"].map((kind) => platform + kind)) {
    try {
      return packageFile(name, file);
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw new Error(`OpenCode has no program for ${platform}`);
}

async function openCode(home, url, prompt) {
  const folder = join(home, ".config", "opencode");
  await mkdir(folder, { recursive: true });
  const models = { [MODEL]: { limit: { context: 200_000, output: 32_000 } } };
  const options = { baseURL: `${url}/v1`, apiKey: KEY };
  const provider = { proxy: { npm: "@ai-sdk/openai-compatible", name: "Mammouth Proxy", options, models } };
  const config = { autoupdate: false, share: "disabled", provider, model: `proxy/${MODEL}` };
  await writeFile(join(folder, "opencode.json"), JSON.stringify(config));
  // With a title of ours it asks for none, so that its requests can be counted. Arguments it would put into quotes.
  const args = ["run", "--title", "test"];
  const variables = { OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" };
  return { command: openCodeProgram(), args, input: prompt, variables };
}

/** The agents by name, with the dialect in which each speaks. */
export const AGENTS = [
  {
    name: "Qwen Code with OpenAI's chat",
    dialect: "openai-chat",
    // With this dialect it sends plain HTTP through that proxy too.
    plan: (_home, url, prompt) =>
      qwen("openai", { OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: KEY, HTTPS_PROXY: "" }, prompt),
  },
  {
    name: "Qwen Code with Anthropic's messages",
    dialect: "anthropic",
    plan: (_home, url, prompt) => qwen("anthropic", { ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: KEY }, prompt),
  },
  {
    name: "Codex with a model that it does not know",
    dialect: "openai-responses",
    plan: (home, url, prompt) => codex(home, url, prompt, { model: MODEL }),
  },
  { name: "Codex with its own default model", dialect: "openai-responses", plan: codex },
  { name: "Claude Code", dialect: "anthropic", plan: claude },
  { name: "OpenCode", dialect: "openai-chat", plan: openCode },
];

/** Codex with a model for which it keeps the tools of MCP servers back until they are searched for. */
export const CODEX_WITH_MCP = {
  plan: (home, url, prompt) => codex(home, url, prompt, { model: "gpt-5.5", servers: GLOSSARY }),
};

/** Codex with plain tools. */
export const CODEX = { plan: (home, url, prompt) => codex(home, url, prompt, { model: MODEL }) };

/** Claude Code that may search the web and run commands. */
export const CLAUDE = {
  plan: (home, url, prompt) => claude(home, url, prompt, { allowed: ["WebSearch", "Bash"] }),
};

// Tools reach web sessions as words in the prompt and API keys as themselves. Codex's own models are another here.
export const UPSTREAMS = [
  { prefer: "only-web", accounts: ["alice", "bob", "carol"] },
  { prefer: "only-api", accounts: ["dora"] },
].map((upstream) => ({
  ...upstream,
  settings: `prefer = "${upstream.prefer}"\n[aliases]\n"gpt-*" = "${MODEL}"\n`,
}));

/** Lets the agent work on `prompt` in `project` until it ends; its words. Fails when it fails or takes too long. */
export async function run(agent, { home, project, url, prompt }) {
  const { command = process.execPath, args, input, variables } = await agent.plan(home, url, prompt);
  const running = promisify(execFile)(command, args, {
    cwd: project,
    env: { PATH: process.env.PATH, HOME: home, HTTPS_PROXY: NOWHERE, ...variables },
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  running.child.stdin.end(input);
  const { stdout, stderr } = await running;
  return stdout + stderr;
}
