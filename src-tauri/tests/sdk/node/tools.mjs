// One tool, and a question at which the simulated model calls it twice and then tells what came back.
export const WEATHER = {
  name: "get_weather",
  description: "The weather in a city.",
  parameters: {
    type: "object",
    properties: { city: { type: "string", description: "The city's name." } },
    required: ["city"],
  },
};

const call = (city) => `call: get_weather ${JSON.stringify({ city })}`;

export const CALL_TWICE = `${call("Köln")}\n${call("北京")}`;

export const REPORT = "cold";

export const TOLD = "The tools said: cold | cold";
