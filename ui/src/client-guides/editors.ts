// Guides for editors and their plugins.

import type { GuideModel, Guide } from "./guides";
import { json, yaml } from "./quoting";

const capabilities = (model: GuideModel) => [...(model.tools ? ["tool_use"] : []), ...(model.vision ? ["image_input"] : [])];

export const editors: Guide[] = [
  {
    id: "continue",
    name: "Continue",
    fields: [],
    snippets: [
      {
        name: "~/.continue/config.yaml",
        text: ({ base, key, models }) =>
          [
            "name: Mammouth Proxy",
            "version: 1.0.0",
            "schema: v1",
            "models:",
            ...models.flatMap((model) => [
              `  - name: ${yaml(`${model.id} (Mammouth Proxy)`)}`,
              "    provider: openai",
              `    model: ${yaml(model.id)}`,
              `    apiBase: ${yaml(base)}`,
              `    apiKey: ${yaml(key)}`,
              "    roles: [chat, edit, apply]",
              `    capabilities: [${capabilities(model).join(", ")}]`,
            ]),
            "",
          ].join("\n"),
      },
    ],
  },
  {
    id: "cline",
    name: "Cline, Roo Code, Kilo Code",
    fields: [
      { name: "API Provider", value: () => "OpenAI Compatible" },
      { name: "Base URL", value: ({ base }) => base },
      { name: "API Key", value: ({ key }) => key, secret: true },
      { name: "Model ID", value: ({ model }) => model.id },
      { name: "Context Window", value: ({ model }) => String(model.context) },
      { name: "Max Output Tokens", value: ({ model }) => String(model.output) },
    ],
    snippets: [],
  },
  {
    id: "zed",
    name: "Zed",
    fields: [{ name: "API key", value: ({ key }) => key, secret: true }],
    snippets: [
      {
        name: "settings.json",
        text: ({ base, models }) =>
          json({
            language_models: {
              openai_compatible: {
                "Mammouth Proxy": {
                  api_url: base,
                  available_models: models.map((model) => ({
                    name: model.id,
                    max_tokens: model.context,
                    max_output_tokens: model.output,
                    capabilities: { tools: model.tools, images: model.vision, parallel_tool_calls: false, prompt_cache_key: false },
                  })),
                },
              },
            },
          }),
      },
    ],
  },
  {
    id: "jetbrains",
    name: "JetBrains AI Assistant",
    fields: [
      { name: "Provider", value: () => "OpenAI-compatible" },
      { name: "URL", value: ({ base }) => base },
      { name: "API key", value: ({ key }) => key, secret: true },
    ],
    snippets: [],
  },
  {
    id: "vscode",
    name: "VS Code (Copilot)",
    fields: [
      { name: "Group name", value: () => "Mammouth Proxy" },
      { name: "API key", value: ({ key }) => key, secret: true },
      { name: "API type", value: () => "chat-completions" },
    ],
    snippets: [
      {
        name: "chatLanguageModels.json → models",
        text: ({ base, models }) =>
          json(
            models.map((model) => ({
              id: model.id,
              name: `${model.id} (Mammouth Proxy)`,
              url: `${base}/chat/completions`,
              toolCalling: model.tools,
              vision: model.vision,
              maxInputTokens: Math.max(model.context - model.output, 4096),
              maxOutputTokens: model.output,
            })),
          ),
      },
    ],
  },
  {
    id: "xcode",
    name: "Xcode",
    fields: [
      { name: "URL", value: ({ root }) => root },
      { name: "API Key", value: ({ key }) => `Bearer ${key}`, secret: true },
      { name: "API Key Header", value: () => "Authorization" },
      { name: "Description", value: () => "Mammouth Proxy" },
    ],
    snippets: [],
  },
  { id: "cursor", name: "Cursor", fields: [], snippets: [] },
];
