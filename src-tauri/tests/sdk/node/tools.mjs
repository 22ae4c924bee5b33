// One tool, and a question at which the simulated model calls it twice. The calls are written as the web upstream's
// models write them; what comes back is told on.
export const WEATHER = {
  name: "get_weather",
  description: "The weather in a city.",
  parameters: {
    type: "object",
    properties: { city: { type: "string", description: "The city's name." } },
    required: ["city"],
  },
};

const written = (city) =>
  `<tool_call>\n${JSON.stringify({ name: "get_weather", arguments: { city } })}\n</tool_call>`;

export const CALL_TWICE = `echo: Let me see.\n${written("Köln")}\n${written("北京")}`;

/** A result that makes the simulated model say so, and nothing else. */
export const REPORT = 'echo-chunks: ["It is ", "cold."]';
