// Guides for SDKs and curl.

import type { Guide } from "./guides";
import { json, shell } from "./quoting";

export const code: Guide[] = [
  {
    id: "curl",
    name: "curl",
    fields: [],
    snippets: [
      {
        name: "Shell",
        text: ({ base, key, model }) =>
          [
            `curl ${shell(`${base}/chat/completions`)} \\`,
            `  -H ${shell(`Authorization: Bearer ${key}`)} \\`,
            "  -H 'Content-Type: application/json' \\",
            `  -d ${shell(JSON.stringify({ model: model.id, messages: [{ role: "user", content: "Hello" }] }))}`,
            "",
          ].join("\n"),
      },
    ],
  },
  {
    id: "python",
    name: "Python",
    fields: [],
    snippets: [
      { name: "Shell", text: () => "pip install openai\n" },
      {
        name: "hello.py",
        text: ({ base, key, model }) =>
          [
            "from openai import OpenAI",
            "",
            `client = OpenAI(base_url=${JSON.stringify(base)}, api_key=${JSON.stringify(key)})`,
            "answer = client.chat.completions.create(",
            `    model=${JSON.stringify(model.id)},`,
            '    messages=[{"role": "user", "content": "Hello"}],',
            ")",
            "print(answer.choices[0].message.content)",
            "",
          ].join("\n"),
      },
    ],
  },
  {
    id: "node",
    name: "Node",
    fields: [],
    snippets: [
      { name: "Shell", text: () => "npm install openai\n" },
      {
        name: "hello.mjs",
        text: ({ base, key, model }) =>
          [
            'import OpenAI from "openai";',
            "",
            `const client = new OpenAI(${json({ baseURL: base, apiKey: key }).trim()});`,
            "const answer = await client.chat.completions.create({",
            `  model: ${JSON.stringify(model.id)},`,
            '  messages: [{ role: "user", content: "Hello" }],',
            "});",
            "console.log(answer.choices[0].message.content);",
            "",
          ].join("\n"),
      },
    ],
  },
];
