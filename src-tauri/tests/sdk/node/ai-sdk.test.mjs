// The AI SDK with its provider for OpenAI-compatible servers, as OpenCode and Kilo Code use it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { MODEL } from "./asking.mjs";
import { KEY, Program } from "./program.mjs";
import { CALL_TWICE, REPORT, TOLD, WEATHER } from "./tools.mjs";
import { overBoth } from "./upstreams.mjs";

const TEXT = "Grüße aus dem Eis: 猛犸 🦣 — two  spaces,\na line and an end.";
// One red pixel.
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

overBoth((upstream) => {
  let program;
  const model = (apiKey = KEY) =>
    createOpenAICompatible({
      name: "mammouth",
      baseURL: `${program.url}/v1`,
      apiKey,
      includeUsage: true,
      supportsStructuredOutputs: true,
    })(MODEL);
  before(async () => (program = await Program.start(upstream.settings)));
  after(async () => assert.equal(await program?.stop(), 0));

  test("reply with usage", async () => {
    const reply = await generateText({ model: model(), prompt: `echo: ${TEXT}`, system: "Be brief." });
    assert.deepEqual([reply.text, reply.finishReason], [TEXT, "stop"]);
    assert.ok(reply.usage.inputTokens > 0 && reply.usage.outputTokens > 0);
  });

  test("stream with usage", async () => {
    const reply = streamText({ model: model(), prompt: `echo: ${TEXT}` });
    const pieces = [];
    for await (const piece of reply.textStream) pieces.push(piece);
    assert.equal(pieces.join(""), TEXT);
    assert.ok(pieces.length > 1);
    assert.equal(await reply.finishReason, "stop");
    assert.ok((await reply.usage).outputTokens > 0);
  });

  for (const streamed of [false, true]) {
    test(`parallel tools and their results, ${streamed ? "streamed" : "whole"}`, async () => {
      const asked = [];
      const execute = async ({ city }) => {
        asked.push(city);
        return REPORT;
      };
      const tools = {
        get_weather: tool({ description: WEATHER.description, inputSchema: z.object({ city: z.string() }), execute }),
      };
      const options = { model: model(), prompt: CALL_TWICE, tools, stopWhen: stepCountIs(3) };
      const reply = streamed ? streamText(options) : await generateText(options);
      if (streamed) await reply.consumeStream();
      assert.equal(await reply.text, TOLD);
      assert.deepEqual(asked.sort(), ["Köln", "北京"].sort());
      assert.equal((await reply.steps).length, 2);
    });
  }

  test("an image reaches the model", async () => {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image", image: PNG, mediaType: "image/png" },
    ];
    const reply = await generateText({ model: model(), messages: [{ role: "user", content }] });
    assert.match(reply.text, /1 image\b/);
  });

  test("structured output", async () => {
    const schema = z.object({ name: z.string(), people: z.number() });
    const prompt = 'echo: {"name": "Köln", "people": 1087353}';
    const reply = await generateText({ model: model(), prompt, output: Output.object({ schema }) });
    assert.deepEqual(reply.output, { name: "Köln", people: 1087353 });
  });

  test("errors are the SDK's own", async () => {
    const prompt = "echo: hi";
    await assert.rejects(generateText({ model: model("wrong-key-0000000000"), prompt }), (error) => {
      return APICallError.isInstance(error) && error.statusCode === 401;
    });
    const broken = streamText({ model: model(), prompt: "sim: cut=2\necho: 1 2 3 4", onError() {} });
    const kinds = [];
    for await (const part of broken.fullStream) kinds.push(part.type);
    assert.ok(kinds.includes("error"), `${kinds}`);
  });

  test("a client that leaves ends its stream", async () => {
    const leaving = new AbortController();
    const reply = streamText({ model: model(), prompt: "sim: endless\nhi", abortSignal: leaving.signal, onError() {} });
    const kinds = [];
    for await (const part of reply.fullStream) {
      kinds.push(part.type);
      if (part.type === "text-delta") leaving.abort();
    }
    assert.equal(kinds.at(-1), "abort");
  });
});
