import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import OpenAI from "openai";

import { MODEL, collect, echo, joined, user } from "./asking.mjs";
import { Program } from "./program.mjs";
import { overBoth } from "./upstreams.mjs";

const TEXT = "Grüße aus dem Eis: 猛犸 🦣 — two  spaces,\na line and an end.";
// One red pixel.
const PNG =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

overBoth((upstream) => {
  let program;
  let client;
  before(async () => {
    program = await Program.start(upstream.settings);
    client = program.client();
  });
  after(async () => assert.equal(await program?.stop(), 0));

  test("reply with usage", async () => {
    const reply = await client.chat.completions.create({ model: MODEL, messages: echo(TEXT) });
    assert.equal(reply.object, "chat.completion");
    assert.equal(reply.choices.length, 1);
    assert.equal(reply.choices[0].message.role, "assistant");
    assert.equal(reply.choices[0].message.content, TEXT);
    assert.equal(reply.choices[0].finish_reason, "stop");
    assert.ok(reply.usage.completion_tokens > 0);
    assert.equal(reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens);
  });

  test("stream", async () => {
    const chunks = await collect(
      await client.chat.completions.create({ model: MODEL, messages: echo(TEXT), stream: true }),
    );
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    assert.equal(joined(chunks), TEXT);
    assert.ok(chunks.filter((chunk) => chunk.choices[0].delta.content).length > 1);
    assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
    assert.ok(chunks.every((chunk) => !chunk.usage));
  });

  test("stream with usage", async () => {
    const chunks = await collect(
      await client.chat.completions.create({
        model: MODEL,
        messages: echo(TEXT),
        stream: true,
        stream_options: { include_usage: true },
      }),
    );
    const last = chunks.at(-1);
    assert.equal(joined(chunks), TEXT);
    assert.equal(chunks.at(-2).choices[0].finish_reason, "stop");
    assert.deepEqual(last.choices, []);
    assert.equal(last.usage.total_tokens, last.usage.prompt_tokens + last.usage.completion_tokens);
  });

  test("the SDK's own stream helper builds the same reply", async () => {
    const reply = await client.chat.completions.stream({ model: MODEL, messages: echo(TEXT) }).finalChatCompletion();
    assert.equal(reply.choices[0].message.content, TEXT);
    assert.equal(reply.choices[0].finish_reason, "stop");
  });

  test("an image reaches the model", async () => {
    const reply = await client.chat.completions.create({
      model: MODEL,
      messages: user([
        { type: "text", text: "What is this?" },
        { type: "image_url", image_url: { url: PNG } },
      ]),
    });
    assert.match(reply.choices[0].message.content, /1 image\b/);
  });

  test("max_tokens ends with length", async () => {
    const reply = await client.chat.completions.create({
      model: MODEL,
      messages: echo("one two three four five six"),
      max_tokens: 3,
    });
    assert.equal(reply.choices[0].finish_reason, "length");
    assert.doesNotMatch(reply.choices[0].message.content, /six/);
  });

  test("a stop sequence is left out even between chunks", async () => {
    const chunks = await collect(
      await client.chat.completions.create({
        model: MODEL,
        messages: echo("keep this END of it"),
        stop: "this END",
        stream: true,
      }),
    );
    assert.equal(joined(chunks), "keep ");
    assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  });

  test("an unknown model is passed on where it may exist", async () => {
    const question = { model: "somebodys-new-model-9", messages: user("Who are you?") };
    const asked = client.chat.completions.create(question);
    if (upstream.unlistedModels) {
      assert.match((await asked).choices[0].message.content, /somebodys-new-model-9/);
    } else {
      await assert.rejects(asked, OpenAI.NotFoundError);
    }
  });

  test("headers say what happened", async () => {
    const { data, response } = await client.chat.completions
      .create({ model: MODEL, messages: echo("hi"), temperature: 0.2 })
      .withResponse();
    assert.equal(data.choices[0].message.content, "hi");
    assert.ok(response.headers.get("x-mammouth-account"));
    assert.equal(response.headers.get("x-mammouth-attempts"), "1");
    assert.ok(response.headers.get("x-request-id"));
    assert.equal(response.headers.get("x-mammouth-ignored"), upstream.ignored);
  });

  test("models are listed and described", async () => {
    const ids = (await collect(client.models.list())).map((model) => model.id);
    assert.ok(ids.includes("gpt-4o-mini"));
    assert.equal((await client.models.retrieve("gpt-4o-mini")).id, "gpt-4o-mini");
  });

  test("legacy completion, whole and streamed", async () => {
    const question = { model: MODEL, prompt: "echo: as in the old days" };
    const reply = await client.completions.create(question);
    assert.equal(reply.choices[0].text, "as in the old days");
    const chunks = await collect(await client.completions.create({ ...question, stream: true }));
    assert.equal(chunks.flatMap((chunk) => chunk.choices).map((choice) => choice.text).join(""), "as in the old days");
  });
});
