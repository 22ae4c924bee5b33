import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import OpenAI from "openai";

import { MODEL, echo } from "./asking.mjs";
import { Program } from "./program.mjs";
import { overBoth } from "./upstreams.mjs";

// These tests limit accounts and count records, so each has a program of its own.
overBoth((upstream) => {
  let program;
  let client;
  beforeEach(async () => {
    program = await Program.start(upstream.settings);
    client = program.client();
  });
  afterEach(async () => assert.equal(await program?.stop(), 0));

  const ask = (options = {}, by = client) => {
    return by.chat.completions.create({ model: MODEL, messages: echo("hi"), ...options });
  };

  test("a wrong key is an AuthenticationError", async () => {
    await assert.rejects(ask({}, program.client({ apiKey: "sdk-test-key-0000000000000000" })), (error) => {
      assert.ok(error instanceof OpenAI.AuthenticationError);
      assert.equal(error.code, "invalid_api_key");
      return true;
    });
  });

  test("what no account may serve is a BadRequestError", async () => {
    const asked = ask({ n: 2 });
    if (upstream.severalChoices) return assert.ok((await asked).choices);
    await assert.rejects(asked, (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.code, "unsupported_parameter");
      assert.equal(error.param, "n");
      return true;
    });
  });

  test("a request that is wrong in itself is a BadRequestError", async () => {
    await assert.rejects(ask({ messages: [] }), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, "messages");
      return true;
    });
  });

  test("all accounts limited is a RateLimitError", async () => {
    await assert.rejects(ask({ messages: echo("hi", "quota") }), (error) => {
      assert.ok(error instanceof OpenAI.RateLimitError);
      assert.equal(error.code, "insufficient_quota");
      assert.ok(Number(error.headers.get("retry-after")) > 0);
      return true;
    });
  });

  test("f59: retries of the SDK do not multiply ours", async () => {
    await assert.rejects(ask({ messages: echo("hi", "status=500") }, program.client({ maxRetries: 2 })), (error) => {
      assert.ok(error instanceof OpenAI.InternalServerError);
      assert.equal(error.headers.get("x-should-retry"), "false");
      return true;
    });
    const [record] = await program.log(1);
    assert.ok(record.attempts.length >= 1 && record.attempts.length <= 3, JSON.stringify(record.attempts));
  });

  test("a stream that breaks off is an error", async () => {
    let text = "";
    const messages = echo("one two three four", `cut=${2 + upstream.openingChunks}`);
    const stream = await ask({ messages, stream: true });
    await assert.rejects(
      async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      },
      (error) => {
        assert.ok(error instanceof OpenAI.APIError);
        assert.equal(error.code, "stream_interrupted");
        return true;
      },
    );
    assert.match(text, /^one/);
    assert.doesNotMatch(text, /four/);
  });

  test("a client that leaves ends the upstream call", async () => {
    // The simulator stalls for ever after two words: they arrive all the same, and leaving ends the wait.
    const messages = echo("one two three four", `stall=${2 + upstream.openingChunks}`);
    const stream = await ask({ messages, stream: true });
    let text = "";
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      if (text.includes("two")) stream.controller.abort();
    }
    assert.doesNotMatch(text, /three/);
    const [record] = await program.log(1);
    assert.equal(record.interrupted, true);
    assert.equal((await ask({ messages: echo("still here") })).choices[0].message.content, "still here");
  });
});
