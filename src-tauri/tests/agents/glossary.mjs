// A small MCP server over stdio with one tool, for agents that bring the tools of such servers along.
import { createInterface } from "node:readline";

const TOOL = {
  name: "lookup_word",
  description: "Looks a word up in the project's glossary.",
  inputSchema: { type: "object", properties: { word: { type: "string" } }, required: ["word"] },
};

const ANSWERS = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "glossary", version: "1.0.0" },
  }),
  "tools/list": () => ({ tools: [TOOL] }),
  "tools/call": ({ arguments: { word } }) => ({
    content: [{ type: "text", text: `In the glossary, ${word} is a woolly animal.` }],
  }),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const result = ANSWERS[method]?.(params) ?? {};
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result })}\n`);
});
