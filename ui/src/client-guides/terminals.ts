// Guides for terminal agents and Ollama clients.

import type { Guide } from "./guides";
import { json, shell, toml } from "./quoting";

export const terminals: Guide[] = [
  {
    id: "claude_code",
    name: "Claude Code",
    fields: [],
    snippets: [
      {
        name: "Shell",
        text: ({ root, key, model }) =>
          [
            `export ANTHROPIC_BASE_URL=${shell(root)}`,
            `export ANTHROPIC_AUTH_TOKEN=${shell(key)}`,
            `export ANTHROPIC_MODEL=${shell(model.id)}`,
            `export ANTHROPIC_DEFAULT_HAIKU_MODEL=${shell(model.id)}`,
            "claude",
            "",
          ].join("\n"),
      },
      {
        name: "~/.claude/settings.json",
        text: ({ root, key, model }) =>
          json({
            env: {
              ANTHROPIC_BASE_URL: root,
              ANTHROPIC_AUTH_TOKEN: key,
              ANTHROPIC_MODEL: model.id,
              ANTHROPIC_DEFAULT_HAIKU_MODEL: model.id,
            },
          }),
      },
    ],
  },
  {
    id: "codex",
    name: "Codex",
    fields: [],
    snippets: [
      {
        name: "~/.codex/config.toml",
        text: ({ base, model }) =>
          [
            `model = ${toml(model.id)}`,
            'model_provider = "mammouth-proxy"',
            "",
            "[model_providers.mammouth-proxy]",
            'name = "Mammouth Proxy"',
            `base_url = ${toml(base)}`,
            'wire_api = "responses"',
            'env_key = "MAMMOUTH_PROXY_KEY"',
            "",
          ].join("\n"),
      },
      { name: "Shell", text: ({ key }) => `export MAMMOUTH_PROXY_KEY=${shell(key)}\n` },
    ],
  },
  {
    id: "opencode",
    name: "OpenCode, Mammouth Code",
    fields: [],
    snippets: [
      {
        name: "opencode.json",
        text: ({ base, key, models }) =>
          json({
            $schema: "https://opencode.ai/config.json",
            provider: {
              "mammouth-proxy": {
                npm: "@ai-sdk/openai-compatible",
                name: "Mammouth Proxy",
                options: { baseURL: base, apiKey: key },
                models: Object.fromEntries(
                  models.map((model) => [model.id, { name: model.id, limit: { context: model.context, output: model.output } }]),
                ),
              },
            },
          }),
      },
    ],
  },
  {
    id: "aider",
    name: "Aider",
    fields: [],
    snippets: [
      {
        name: "Shell",
        text: ({ base, key, model }) =>
          [
            `export OPENAI_API_BASE=${shell(base)}`,
            `export OPENAI_API_KEY=${shell(key)}`,
            `aider --model ${shell(`openai/${model.id}`)}`,
            "",
          ].join("\n"),
      },
    ],
  },
  {
    id: "ollama",
    name: "Ollama",
    fields: [
      { name: "URL", value: ({ root }) => root },
      { name: "Authorization", value: ({ key }) => `Bearer ${key}`, secret: true },
    ],
    snippets: [
      { name: "Shell", text: ({ root, key }) => `curl ${shell(`${root}/api/tags`)} -H ${shell(`Authorization: Bearer ${key}`)}\n` },
    ],
  },
];
