// Compares the mock of the unit tests with the program: the same calls go to both, and results, refusals and error codes
// must agree. The mock must not be able to do what the program cannot.
import assert from "node:assert/strict";
import { createServer as listen } from "node:net";
import { after, before, describe, test } from "node:test";

import { createServer } from "vite";

import { Program } from "./program.mjs";

/** Name and arguments of each call, in order. `own` is what differs between the two: labels, models, a taken port. */
const CALLS = [
  ["status"],
  ["overview"],
  ["accounts.list"],
  ["accounts.refresh"],
  ["accounts.check", (own) => ({ label: own.label })],
  ["accounts.check", () => ({ label: "nobody" })],
  ["accounts.add", () => ({ kind: "web", secret: "one-more-session-cookie" })],
  ["accounts.replace", () => ({ label: "nobody", secret: "one-more-session-cookie" })],
  ["accounts.sign_in", () => ({})],
  ["accounts.rename", () => ({ label: "nobody", to: "somebody" })],
  ["accounts.rename", (own) => ({ label: own.label, to: own.other })],
  ["accounts.rename", (own) => ({ label: own.label, to: "renamed" })],
  ["accounts.rename", (own) => ({ label: "renamed", to: own.label })],
  ["accounts.order", () => ({ labels: ["nobody"] })],
  ["accounts.enable", (own) => ({ label: own.label, enabled: false })],
  ["accounts.enable", (own) => ({ label: own.label, enabled: true })],
  ["accounts.enable", () => ({ label: "nobody", enabled: true })],
  ["accounts.only", (own) => ({ label: own.label })],
  ["accounts.only", () => ({ label: null })],
  ["accounts.only", () => ({ label: "nobody" })],
  ["accounts.use_host", (own) => ({ label: own.label, host: "other.example" })],
  ["accounts.use_host", () => ({ label: "nobody", host: "other.example" })],
  ["accounts.remove", () => ({ label: "nobody" })],
  ["accounts.explain", (own) => ({ model: own.model })],
  ["clients.list"],
  ["clients.plan", () => ({ client: "claude-code" })],
  ["clients.plan", () => ({ client: "nobody" })],
  ["clients.apply", () => ({ client: "claude-code", plan: "of another file" })],
  ["clients.apply", () => ({ client: "nobody", plan: "0" })],
  ["clients.undo_plan", () => ({ client: "nobody" })],
  ["clients.undo_all"],
  ["clients.repair_plan"],
  ["clients.repair", () => ({ plans: [] })],
  ["clients.launch_command", () => ({ client: "claude-code" })],
  ["clients.launch_command", () => ({ client: "nobody" })],
  ["clients.link", () => ({ client: "nobody" })],
  ["keys.add", () => ({ name: "tablet", models: ["gpt-5"], daily_tokens: 1000 })],
  ["keys.add", () => ({ name: "tablet" })],
  ["keys.add", () => ({ name: "" })],
  ["keys.list"],
  ["keys.list", () => ({ reveal: true })],
  ["keys.change", () => ({ name: "tablet", models: [], daily_tokens: null, daily_cost_usd: 1.5 })],
  ["keys.change", () => ({ name: "nobody", models: [], daily_tokens: null, daily_cost_usd: null })],
  ["keys.copy", () => ({ name: "tablet", template: "{{MAMMOUTH_PROXY_KEY}}" })],
  ["clipboard.copy", () => ({ text: "hello" })],
  ["keys.revoke", () => ({ name: "tablet" })],
  ["keys.revoke", () => ({ name: "tablet" })],
  ["models.list"],
  ["models.refresh"],
  ["models.set_alias", (own) => ({ name: "my-coder", target: own.model })],
  ["models.set_alias", () => ({ name: "my-writer", target: "no-such-model-anywhere" })],
  ["models.remove_alias", () => ({ name: "my-coder" })],
  ["models.remove_alias", () => ({ name: "no-such-alias" })],
  ["try", (own) => ({ model: own.model, text: "Hello" })],
  ["log.latest", () => ({ limit: 5 })],
  ["log.count", () => ({})],
  ["log.get", () => ({ id: 999_999_999 })],
  ["log.bodies", () => ({ id: 999_999_999 })],
  ["log.export", () => ({ format: "csv" })],
  ["log.save", () => ({ format: "csv" })],
  ["log.show_saved"],
  ["log.clear"],
  ["port.free"],
  ["port.switch", (own) => ({ port: own.takenPort })],
  ["serving.set", () => ({ on: false })],
  ["serving.set", () => ({ on: true })],
  ["settings.get"],
  ["settings.set", () => ({ name: "strategy", value: "fill-first" })],
  ["settings.set", () => ({ name: "strategy", value: null })],
  ["settings.set", () => ({ name: "strategy", value: "no-such-strategy" })],
  ["settings.set", () => ({ name: "no_such_setting", value: 1 })],
  ["settings.welcomed"],
  ["secrets.state"],
  ["updates.status"],
  ["updates.check"],
  ["updates.install"],
  ["window.open", () => ({ page: "accounts" })],
  ["doctor"],
];

describe("the mock and the program", () => {
  let program, vite, mock, taken, own;

  before(async () => {
    program = await Program.start();
    vite = await createServer({
      root: `${import.meta.dirname}/..`,
      mode: "mock",
      logLevel: "error",
      server: { middlewareMode: true, ws: false },
      optimizeDeps: { noDiscovery: true },
    });
    const { MockControl } = await vite.ssrLoadModule("/mock/index.ts");
    mock = new MockControl();
    taken = listen();
    await new Promise((listening) => taken.listen(0, "127.0.0.1", listening));
    own = {
      program: await ownNames((name) => program.control(name), taken.address().port),
      mock: await ownNames((name) => mock.call(name, {}), 8080),
    };
  });

  after(async () => {
    taken?.close();
    await vite?.close();
    assert.equal(await program?.stop(), 0);
  });

  test("answer and refuse the same calls with the same types", async () => {
    const differences = [];
    for (const [name, args = () => ({})] of CALLS) {
      const real = await outcome(() => program.control(name, args(own.program)));
      const mocked = await outcome(() => mock.call(name, args(own.mock)));
      const call = `${name} ${JSON.stringify(args(own.program))}`;
      if (real.refused !== mocked.refused) differences.push(`${call}: the program ${said(real)}, the mock ${said(mocked)}`);
      else if (!real.refused) differences.push(...unlike(real.answer, mocked.answer, call));
    }
    assert.deepEqual(differences, []);
  });

  test("reveal the same keys", async () => {
    for (const name of ["laptop", "desk"]) {
      await program.control("keys.add", { name });
      await mock.call("keys.add", { name }).catch(() => {});
    }
    const shown = (keys) =>
      keys
        .filter((key) => ["main", "laptop", "desk"].includes(key.name))
        .map((key) => [key.name, key.key !== null])
        .sort();
    for (const reveal of [false, true]) {
      assert.deepEqual(
        shown(await mock.call("keys.list", { reveal })),
        shown(await program.control("keys.list", { reveal })),
        `reveal: ${reveal}`,
      );
    }
  });
});

async function ownNames(call, takenPort) {
  const [accounts, models] = [await call("accounts.list"), await call("models.list")];
  return { label: accounts[0].label, other: accounts[1].label, model: models.find((model) => model.alias_of === null).id, takenPort };
}

async function outcome(call) {
  try {
    return { answer: await call() };
  } catch (error) {
    return { refused: error.code ?? String(error) };
  }
}

function said({ refused }) {
  return refused ? `refuses with ${refused}` : "answers";
}

/** Differences of two results in keys or types. Each element of a list must be like one of the other list; `null` and empty
 * lists match anything; tagged objects are compared only where the tags are equal. */
function unlike(real, mocked, path) {
  if (real === null || mocked === null) return [];
  if (Array.isArray(real) && Array.isArray(mocked)) {
    if (real.length === 0 || mocked.length === 0) return [];
    const each = mocked.map((one, i) => real.map((other) => unlike(other, one, `${path}[${i}]`)).sort((a, b) => a.length - b.length)[0]);
    return [...new Set(each.flat())];
  }
  if (typeof real !== typeof mocked || Array.isArray(real) !== Array.isArray(mocked))
    return [`${path}: ${typeof real} in the program, ${typeof mocked} in the mock`];
  if (typeof real !== "object") return [];
  for (const kind of ["what", "by"]) if (kind in real && kind in mocked && real[kind] !== mocked[kind]) return [];
  const keys = [...new Set([...Object.keys(real), ...Object.keys(mocked)])];
  return keys.flatMap((key) => {
    if (!(key in real)) return [`${path}.${key}: only in the mock`];
    if (!(key in mocked)) return [`${path}.${key}: only in the program`];
    return unlike(real[key], mocked[key], `${path}.${key}`);
  });
}
