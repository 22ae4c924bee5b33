import { afterEach, describe, expect, test, vi } from "vitest";

import { type ControlEvent, ControlFailure, type FeedListener } from "../src/control/control";
import { MockControl } from "../mock";
import { HttpControl } from "../src/control/http";
import { handOverSessionToken, keepSessionToken, sessionToken } from "../src/control/session-token";
import { drain, readEvents } from "../src/control/sse";
import { TauriControl } from "../src/control/tauri";
import type { RequestRecord } from "../src/control/types";
import { Resource } from "../src/state/resource.svelte";
import { Session } from "../src/state/session.svelte";
import { waitFor } from "./wait-for";

const feed = (): FeedListener & { seen: (ControlEvent | string)[] } => {
  const seen: (ControlEvent | string)[] = [];
  return {
    seen,
    event: (event) => seen.push(event),
    connected: (up) => seen.push(up ? "up" : "down"),
    signedOut: () => seen.push("signed out"),
  };
};

async function started(control = new MockControl()) {
  const session = new Session(control);
  session.start();
  await waitFor(() => expect(session.phase).toBe("ready"));
  return { control, session };
}

describe("the session", () => {
  test("follows the program's events", async () => {
    const { control, session } = await started();
    expect(session.status?.serving).toBe(true);
    await control.call("serving.set", { on: false });
    expect(session.status?.serving).toBe(false);
  });

  test("delivers requests in batches", async () => {
    const { control, session } = await started();
    const batches: RequestRecord[][] = [];
    session.onRecords((batch) => batches.push(batch));
    for (let i = 0; i < 50; i++) control.receiveRequest();
    await waitFor(() => expect(batches.flat().length).toBe(50));
    expect(batches.length).toBe(1);
  });

  test("receives nothing when stopped before it connects", async () => {
    const control = new MockControl();
    const session = new Session(control);
    session.start();
    session.stop();
    control.sendStatus();
    await Promise.resolve();
    expect([session.phase, session.status, control.listeners]).toEqual(["loading", null, 0]);
  });

  test("notifies listeners after a reconnect", async () => {
    const { control, session } = await started();
    const reset = vi.fn();
    session.onReset(reset);
    control.reconnect();
    expect(reset).toHaveBeenCalledTimes(1);
    expect(session.live).toBe(true);
  });

  test("ends where a sign-in is required, and resumes after it", async () => {
    const session = new Session(new MockControl({ name: "signed-out" }));
    session.start();
    await waitFor(() => expect(session.phase).toBe("signed_out"));
    await expect(session.signIn("short")).rejects.toThrow(ControlFailure);
    await session.signIn("the-control-token");
    await waitFor(() => expect(session.phase).toBe("ready"));
    await session.signOut();
    expect([session.phase, session.status]).toEqual(["signed_out", null]);
  });
});

describe("a resource", () => {
  test("ignores a late response to an earlier load", async () => {
    const answers: ((text: string) => void)[] = [];
    const resource = new Resource(() => new Promise<string>((resolve) => answers.push(resolve)));
    const first = resource.load();
    const second = resource.load();
    answers[1]?.("new");
    answers[0]?.("old");
    await Promise.all([first, second]);
    expect(resource.value).toBe("new");
  });

  test("keeps its value when a reload fails", async () => {
    const results = [Promise.resolve("kept"), Promise.reject(new Error("gone"))];
    const resource = new Resource(() => results.shift() as Promise<string>);
    await resource.load();
    await resource.load();
    expect([resource.value, resource.error instanceof Error, resource.loading]).toEqual(["kept", true, false]);
  });
});

describe("the event stream", () => {
  test("is parsed whole, however it is chunked", async () => {
    const bytes = new TextEncoder().encode(': hello\n\nevent: record\ndata: {"id":1,"model":"é"}\n\nevent: status\r\ndata: {}\r\n\r\n');
    for (let size = 1; size < bytes.length; size += 7) {
      const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size));
      const seen: string[] = [];
      const stream = new ReadableStream<Uint8Array>({ start: (stream) => (parts.forEach((part) => stream.enqueue(part)), stream.close()) });
      await readEvents(stream, ({ event, data }) => seen.push(`${event} ${data}`));
      expect(seen, `in pieces of ${size}`).toEqual(['record {"id":1,"model":"é"}', "status {}"]);
    }
  });

  test("keeps an incomplete event", () => {
    const seen: string[] = [];
    expect(drain("data: a\n\ndata: b", ({ data }) => seen.push(data))).toBe("data: b");
    expect(seen).toEqual(["a"]);
  });
});

describe("control over HTTP", () => {
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

  test("keeps the session token over a reload, sends it with every request, and deletes it with the session", async () => {
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

  test("a token is handed over to the next port and stays in neither address", () => {
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

  test("reports that nothing answers", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("refused")));
    await expect(new HttpControl().call("status", {})).rejects.toMatchObject({ code: "unreachable" });
  });

  test("ends its feed where a sign-in is required", async () => {
    answering(401, "");
    const heard = feed();
    new HttpControl().subscribe(heard);
    await waitFor(() => expect(heard.seen).toEqual(["signed out"]));
  });

  test("receives nothing when ended before the feed connects", async () => {
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

describe("control over Tauri", () => {
  afterEach(() => vi.unstubAllGlobals());

  /** The part of Tauri's injected API that the page uses. */
  function tauri(invoke: (name: string, args: { [name: string]: unknown }) => Promise<unknown>) {
    const callbacks: ((message: unknown) => void)[] = [];
    const internals = {
      invoke,
      transformCallback: (callback: (message: unknown) => void) => callbacks.push(callback) - 1,
      unregisterCallback: () => {},
    };
    vi.stubGlobal("__TAURI_INTERNALS__", internals);
    (window as unknown as { [name: string]: unknown })["__TAURI_INTERNALS__"] = internals;
    return (message: unknown) => callbacks.forEach((callback) => callback({ index: 0, message }));
  }

  test("passes on names and arguments, and returns failures", async () => {
    const asked = vi.fn(async (_name: string, _args: unknown) => Promise.reject({ code: "terms", message: "read first" }));
    tauri(asked);
    await expect(new TauriControl().call("accounts.add", { kind: "web", secret: "x" })).rejects.toMatchObject({
      code: "terms",
      message: "read first",
    });
    expect(asked.mock.calls[0]?.slice(0, 2)).toEqual(["control", { name: "accounts.add", args: { kind: "web", secret: "x" } }]);
  });

  test("receives nothing when ended before the subscription is confirmed", async () => {
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

  test("receives events once it is confirmed", async () => {
    const send = tauri(async () => null);
    const heard = feed();
    new TauriControl().subscribe(heard);
    await waitFor(() => expect(heard.seen).toEqual(["up"]));
    send({ event: "status", data: {} });
    expect(heard.seen.length).toBe(2);
  });
});
