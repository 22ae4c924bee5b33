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

const packageFile = (name, file) => join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file);

async function qwen(type, variables, prompt) {
  const script = packageFile("@qwen-code/qwen-code", "cli.js");
  const args = [script, "--auth-type", type, "--model", MODEL, "--yolo", "--telemetry", "false", "--prompt", prompt];
  return { args, variables: { ...variables, QWEN_TELEMETRY_ENABLED: "false" } };
}

async function codex(home, url, prompt) {
  const folder = join(home, ".codex");
  await mkdir(folder, { recursive: true });
  // Its own sandbox is off: it needs rights that containers lack, and the folders are thrown away anyway.
  await writeFile(
    join(folder, "config.toml"),
    `model = "${MODEL}"
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
`,
  );
  const script = packageFile("@openai/codex", "bin/codex.js");
  return { args: [script, "exec", "--skip-git-repo-check", prompt], variables: { PROXY_KEY: KEY } };
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
  { name: "Codex", dialect: "openai-responses", plan: codex },
];

/** Lets the agent work on `prompt` in `project` until it ends; its words. Fails when it fails or takes too long. */
export async function run(agent, { home, project, url, prompt }) {
  const { args, variables } = await agent.plan(home, url, prompt);
  const running = promisify(execFile)(process.execPath, args, {
    cwd: project,
    env: { PATH: process.env.PATH, HOME: home, HTTPS_PROXY: NOWHERE, ...variables },
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  running.child.stdin.end();
  const { stdout, stderr } = await running;
  return stdout + stderr;
}
