import { afterEach, describe, expect, test, vi } from "vitest";

import { type ControlEvent, ControlFailure, type Feed } from "../src/control/control";
import { FakeControl } from "../src/control/mock";
import { HttpControl } from "../src/control/http";
import { handOverSessionToken, keepSessionToken, sessionToken } from "../src/control/session-token";
import { drain, readEvents } from "../src/control/sse";
import { TauriControl } from "../src/control/tauri";
import type { Record as LogRecord } from "../src/control/types";
import { Loaded } from "../src/state/resource.svelte";
import { Session } from "../src/state/session.svelte";
import { until } from "./wait-for";

const feed = (): Feed & { seen: (ControlEvent | string)[] } => {
  const seen: (ControlEvent | string)[] = [];
  return { seen, event: (event) => seen.push(event), connected: (up) => seen.push(up ? "up" : "down"), signedOut: () => seen.push("signed out") };
};

async function started(control = new FakeControl()) {
  const session = new Session(control);
  session.start();
  await until(() => expect(session.phase).toBe("ready"));
  return { control, session };
}

describe("the session", () => {
  test("follows the program live", async () => {
    const { control, session } = await started();
    expect(session.status?.serving).toBe(true);
    await control.call("serving.set", { on: false });
    expect(session.status?.serving).toBe(false);
  });

  test("hands over requests in batches", async () => {
    const { control, session } = await started();
    const batches: LogRecord[][] = [];
    session.onRecords((batch) => batches.push(batch));
    for (let i = 0; i < 50; i++) control.arrive();
    await until(() => expect(batches.flat().length).toBe(50));
    expect(batches.length).toBe(1);
  });

  test("that is ended before it has begun hears nothing", async () => {
    const control = new FakeControl();
    const session = new Session(control);
    session.start();
    session.stop();
    control.tell();
    await Promise.resolve();
    expect([session.phase, session.status, control.listeners]).toEqual(["loading", null, 0]);
  });

  test("tells views that what they show is old after a break", async () => {
    const { control, session } = await started();
    const reset = vi.fn();
    session.onReset(reset);
    control.reconnect();
    expect(reset).toHaveBeenCalledTimes(1);
    expect(session.live).toBe(true);
  });

  test("ends where the program wants a sign-in, and comes back with one", async () => {
    const session = new Session(new FakeControl({ name: "signed-out" }));
    session.start();
    await until(() => expect(session.phase).toBe("signed_out"));
    await expect(session.signIn("short")).rejects.toThrow(ControlFailure);
    await session.signIn("the-control-token");
    await until(() => expect(session.phase).toBe("ready"));
    await session.signOut();
    expect([session.phase, session.status]).toEqual(["signed_out", null]);
  });
});

describe("an answer that is waited for", () => {
  test("that comes late does not cover a newer one", async () => {
    const answers: ((text: string) => void)[] = [];
    const loaded = new Loaded(() => new Promise<string>((resolve) => answers.push(resolve)));
    const first = loaded.load();
    const second = loaded.load();
    answers[1]?.("new");
    answers[0]?.("old");
    await Promise.all([first, second]);
    expect(loaded.value).toBe("new");
  });

  test("stays when the next one fails", async () => {
    const results = [Promise.resolve("kept"), Promise.reject(new Error("gone"))];
    const loaded = new Loaded(() => results.shift() as Promise<string>);
    await loaded.load();
    await loaded.load();
    expect([loaded.value, loaded.error instanceof Error, loaded.loading]).toEqual(["kept", true, false]);
  });
});

describe("the stream of events", () => {
  test("is read whole, however it is cut", async () => {
    const bytes = new TextEncoder().encode(': hello\n\nevent: record\ndata: {"id":1,"model":"é"}\n\nevent: status\r\ndata: {}\r\n\r\n');
    for (let size = 1; size < bytes.length; size += 7) {
      const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size));
      const seen: string[] = [];
      const stream = new ReadableStream<Uint8Array>({ start: (stream) => (parts.forEach((part) => stream.enqueue(part)), stream.close()) });
      await readEvents(stream, ({ event, data }) => seen.push(`${event} ${data}`));
      expect(seen, `in pieces of ${size}`).toEqual(['record {"id":1,"model":"é"}', "status {}"]);
    }
  });

  test("keeps what is not whole yet", () => {
    const seen: string[] = [];
    expect(drain("data: a\n\ndata: b", ({ data }) => seen.push(data))).toBe("data: b");
    expect(seen).toEqual(["a"]);
  });
});

describe("the door over HTTP", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    sessionStorage.clear();
    location.hash = "";
  });

  const answering = (status: number, body: string) => {
    const asked = vi.fn(async (_path: string, _init: RequestInit) => new Response(body || null, { status }));
    vi.stubGlobal("fetch", asked);
    return asked;
  };

  test("keeps the token of a sign-in over a reload, sends it with all that it asks, and forgets it with the session", async () => {
    const asked = answering(200, '{"session_token":"mp-second-half"}');
    await new HttpControl().signIn("the-control-token");
    const reloaded = new HttpControl();
    await reloaded.call("status", {});
    const end = reloaded.subscribe(feed());
    end();
    await reloaded.signOut();
    await reloaded.call("status", {});
    const sent = asked.mock.calls.map(([path, init]) => [path, new Headers(init.headers).get("x-mammouth-session")]);
    const token = "mp-second-half";
    expect(sent).toEqual([
      ["/control/session", null],
      ["/control/status", token],
      ["/control/events", token],
      ["/control/session", token],
      ["/control/status", null],
    ]);
  });

  test("a token is handed over to the next port and stays at neither address", () => {
    keepSessionToken("mp-second-half");
    const next = handOverSessionToken(new URL("http://127.0.0.1:3001/#/settings"));
    expect([next.href, sessionToken()]).toEqual(["http://127.0.0.1:3001/#session=mp-second-half#/settings", null]);
    location.hash = next.hash;
    new HttpControl();
    expect([location.hash, sessionToken()]).toEqual(["#/settings", "mp-second-half"]);
  });

  test("sends the arguments, and the token in a header that foreign pages cannot send", async () => {
    keepSessionToken("mp-second-half");
    const asked = answering(200, '{"port":3001}');
    await expect(new HttpControl().call("port.free", {})).resolves.toEqual({ port: 3001 });
    const [path, init] = asked.mock.calls[0] as [string, RequestInit];
    expect([path, init.method, init.body]).toEqual(["/control/port.free", "POST", "{}"]);
    expect(init.headers).toMatchObject({ "x-mammouth-session": "mp-second-half", "content-type": "application/json" });
  });

  test.each([
    [409, '{"error":{"code":"port_taken","message":"nginx has it"}}', "port_taken", "nginx has it"],
    [401, '{"error":{"message":"no"}}', "signed_out", "no"],
    [500, "<html>", "internal", "HTTP 500"],
  ])("turns %i into a failure with its code", async (status, body, code, message) => {
    answering(status, body);
    await expect(new HttpControl().call("status", {})).rejects.toMatchObject({ code, message });
  });

  test("says that nobody answers", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("refused")));
    await expect(new HttpControl().call("status", {})).rejects.toMatchObject({ code: "unreachable" });
  });

  test("ends its feed where a sign-in is wanted", async () => {
    answering(401, "");
    const heard = feed();
    new HttpControl().subscribe(heard);
    await until(() => expect(heard.seen).toEqual(["signed out"]));
  });

  test("ended before the feed is up, it hears nothing", async () => {
    let answer: (response: Response) => void = () => {};
    vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => (answer = resolve)));
    const heard = feed();
    const end = new HttpControl().subscribe(heard);
    end();
    answer(new Response('event: status\ndata: {"a":1}\n\n'));
    await new Promise((resolve) => queueMicrotask(() => resolve(null)));
    expect(heard.seen.filter((one) => typeof one !== "string")).toEqual([]);
  });
});

describe("the door of the window", () => {
  afterEach(() => vi.unstubAllGlobals());

  /** What Tauri puts into the window, as far as the page uses it. */
  function tauri(invoke: (name: string, args: { [name: string]: unknown }) => Promise<unknown>) {
    const callbacks: ((message: unknown) => void)[] = [];
    const internals = { invoke, transformCallback: (callback: (message: unknown) => void) => callbacks.push(callback) - 1, unregisterCallback: () => {} };
    vi.stubGlobal("__TAURI_INTERNALS__", internals);
    (window as unknown as { [name: string]: unknown })["__TAURI_INTERNALS__"] = internals;
    return (message: unknown) => callbacks.forEach((callback) => callback({ index: 0, message }));
  }

  test("passes names and arguments on, and failures back", async () => {
    const asked = vi.fn(async (_name: string, _args: unknown) => Promise.reject({ code: "terms", message: "read first" }));
    tauri(asked);
    await expect(new TauriControl().call("accounts.add", { kind: "web", secret: "x" })).rejects.toMatchObject({ code: "terms", message: "read first" });
    expect(asked.mock.calls[0]?.slice(0, 2)).toEqual(["control", { name: "accounts.add", args: { kind: "web", secret: "x" } }]);
  });

  test("ended before the subscription is confirmed, it hears nothing", async () => {
    let confirm: (value: unknown) => void = () => {};
    const send = tauri(() => new Promise((resolve) => (confirm = resolve)));
    const heard = feed();
    const end = new TauriControl().subscribe(heard);
    end();
    confirm(null);
    send({ event: "status", data: {} });
    await Promise.resolve();
    expect(heard.seen).toEqual([]);
  });

  test("hears events once it is confirmed", async () => {
    const send = tauri(async () => null);
    const heard = feed();
    new TauriControl().subscribe(heard);
    await until(() => expect(heard.seen).toEqual(["up"]));
    send({ event: "status", data: {} });
    expect(heard.seen.length).toBe(2);
  });
});
