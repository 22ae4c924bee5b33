import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

import { MODEL, echo, user } from "./asking.mjs";
import { KEY, Program } from "./program.mjs";
import { CALL_TWICE, REPORT, TOLD, WEATHER } from "./tools.mjs";
import { overBoth } from "./upstreams.mjs";

const TEXT = "Grüße aus dem Eis: 猛犸 🦣 — two  spaces,\na line and an end.";
const TOOLS = [{ name: WEATHER.name, description: WEATHER.description, input_schema: WEATHER.parameters }];
const question = (messages, more = {}) => ({ model: MODEL, max_tokens: 900, messages, ...more });

overBoth((upstream) => {
  let program;
  const connect = (options = {}) =>
    new Anthropic({ baseURL: program.url, apiKey: KEY, timeout: 30_000, maxRetries: 2, ...options });
  before(async () => (program = await Program.start(upstream.settings)));
  after(async () => assert.equal(await program?.stop(), 0));

  test("reply with usage", async () => {
    const reply = await connect().messages.create(question(echo(TEXT), { system: "Be brief." }));
    assert.deepEqual([reply.content[0].text, reply.stop_reason], [TEXT, "end_turn"]);
    assert.ok(reply.usage.input_tokens > 0 && reply.usage.output_tokens > 0);
  });

  test("stream", async () => {
    const stream = connect().messages.stream(question(echo(TEXT)));
    const pieces = [];
    stream.on("text", (piece) => pieces.push(piece));
    const reply = await stream.finalMessage();
    assert.equal(pieces.join(""), TEXT);
    assert.ok(pieces.length > 1);
    assert.deepEqual([reply.content[0].text, reply.stop_reason], [TEXT, "end_turn"]);
  });

  test("parallel tools and their results", async () => {
    const reply = await connect().messages.stream(question(user(CALL_TWICE), { tools: TOOLS })).finalMessage();
    assert.equal(reply.stop_reason, "tool_use");
    const calls = reply.content.filter((block) => block.type === "tool_use");
    assert.deepEqual(calls.map((call) => call.input), [{ city: "Köln" }, { city: "北京" }]);
    const results = calls.map((call) => ({ type: "tool_result", tool_use_id: call.id, content: REPORT }));
    const history = [...user(CALL_TWICE), { role: "assistant", content: reply.content }, ...user(results)];
    const last = await connect().messages.create(question(history, { tools: TOOLS }));
    assert.equal(last.content[0].text, TOLD);
  });

  test("errors are the SDK's own", async () => {
    await assert.rejects(connect({ apiKey: "wrong-key-0000000000" }).messages.create(question(echo("hi"))), (error) => {
      return error instanceof Anthropic.AuthenticationError;
    });
    const robot = question([{ role: "robot", content: "hi" }]);
    await assert.rejects(connect().messages.create(robot), Anthropic.BadRequestError);
  });

  test("a stream that breaks off is an error", async () => {
    const stream = connect().messages.stream(question(echo("1 2 3 4", "cut=2")));
    await assert.rejects(stream.finalMessage(), Anthropic.APIError);
  });

  test("a client that leaves ends its stream", async () => {
    const stream = connect().messages.stream(question(user("sim: endless\nhi")));
    await new Promise((done) => stream.once("text", done));
    stream.abort();
    await assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
  });
});
