// The door of the headless program: `POST /control/{name}` and `GET /control/events`, with a session cookie that scripts
// cannot read and a session token that other origins cannot read, in a header that foreign pages cannot send.

import { type Args, type Control, ControlFailure, type ControlEvent, type Feed, type Name, type Result } from "./control";
import { acceptSessionToken, forgetSessionToken, handOverSessionToken, keepSessionToken, sessionToken } from "./session-token";
import { readEvents } from "./sse";
import type { ControlError } from "./types";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;

export class HttpControl implements Control {
  readonly desktop = false;

  constructor() {
    acceptSessionToken();
  }

  async call<N extends Name>(name: N, args: Args<N>): Promise<Result<N>> {
    const response = await send(`/control/${name}`, "POST", args);
    return (await read(response)) as Result<N>;
  }

  subscribe(feed: Feed): () => void {
    const ending = new AbortController();
    void follow(feed, ending.signal);
    return () => ending.abort();
  }

  async signIn(token: string): Promise<void> {
    const answer = (await read(await send("/control/session", "POST", { token }))) as { session_token: string };
    keepSessionToken(answer.session_token);
  }

  async signOut(): Promise<void> {
    await read(await send("/control/session", "DELETE"));
    forgetSessionToken();
  }

  /** Cookies do not know ports, and the token is handed over, so the session holds at the new address too. The name in
   * the address bar stays. */
  moved(address: string): void {
    const port = /:(\d+)$/.exec(address)?.[1];
    if (port === undefined || port === location.port) return;
    const next = new URL(location.href);
    next.port = port;
    location.replace(handOverSessionToken(next).href);
  }
}

async function send(path: string, method: string, body?: unknown): Promise<Response> {
  const headers = sessionHeaders();
  if (body !== undefined) headers["content-type"] = "application/json";
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) init.body = JSON.stringify(body);
  try {
    return await fetch(path, init);
  } catch {
    throw new ControlFailure("unreachable", "the program does not answer");
  }
}

function sessionHeaders(): Record<string, string> {
  const token = sessionToken();
  return token === null ? {} : { "x-mammouth-session": token };
}

async function read(response: Response): Promise<unknown> {
  if (response.status === 204) return null;
  const text = await response.text();
  const json = parse(text);
  if (response.ok) return json;
  if (response.status === 401) throw new ControlFailure("signed_out", said(json)?.message ?? "");
  const error = said(json);
  throw new ControlFailure(error?.code ?? "internal", error?.message ?? `HTTP ${response.status}`, error?.said ?? null);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function said(json: unknown): Partial<ControlError> | undefined {
  return (json as { error?: Partial<ControlError> } | null)?.error;
}

/** Keeps one feed open, with growing waits between tries. */
async function follow(feed: Feed, signal: AbortSignal): Promise<void> {
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    try {
      const response = await fetch("/control/events", { headers: sessionHeaders(), cache: "no-store", signal });
      if (response.status === 401) return feed.signedOut();
      if (response.ok && response.body) {
        wait = FIRST_WAIT_MS;
        feed.connected(true);
        await readEvents(response.body, ({ event, data }) => {
          if (!signal.aborted) pass(feed, event, data);
        });
      }
    } catch {
      // The program stops, restarts or moves; the loop tries again.
    }
    if (signal.aborted) return;
    feed.connected(false);
    await pause(wait, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

function pass(feed: Feed, event: string, data: string): void {
  const parsed = parse(data);
  if (parsed !== null && (event === "record" || event === "status")) feed.event({ event, data: parsed } as ControlEvent);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
