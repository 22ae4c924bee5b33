// Control over HTTP: `POST /control/{name}` and `GET /control/events`, with a session cookie that scripts cannot read and
// a session token that other origins cannot read, in a header that foreign pages cannot send.

import {
  type CommandArgs,
  type Control,
  ControlFailure,
  type ControlEvent,
  type FeedListener,
  type CommandName,
  type CommandResult,
} from "./control";
import { acceptSessionToken, forgetSessionToken, handOverSessionToken, keepSessionToken, sessionToken } from "./session-token";
import { readEvents } from "./sse";
import type { ControlError } from "./types";

const MIN_RETRY_DELAY_MS = 500;
const MAX_RETRY_DELAY_MS = 8000;

export class HttpControl implements Control {
  readonly desktop = false;

  constructor() {
    acceptSessionToken();
  }

  async call<N extends CommandName>(name: N, args: CommandArgs<N>): Promise<CommandResult<N>> {
    const response = await send(`/control/${name}`, "POST", args);
    return (await read(response)) as CommandResult<N>;
  }

  subscribe(feed: FeedListener): () => void {
    const abort = new AbortController();
    void follow(feed, abort.signal);
    return () => abort.abort();
  }

  async signIn(token: string): Promise<void> {
    const answer = (await read(await send("/control/session", "POST", { token }))) as { session_token: string };
    keepSessionToken(answer.session_token);
  }

  async signOut(): Promise<void> {
    await read(await send("/control/session", "DELETE"));
    forgetSessionToken();
  }

  /** A browser's tab is visible anyway. */
  drawn(): void {}

  /** Cookies ignore ports and the token is handed over, so the session continues at the new address. The host name in
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
  if (response.status === 401) throw new ControlFailure("signed_out", errorOf(json)?.message ?? "");
  const error = errorOf(json);
  throw new ControlFailure(error?.code ?? "internal", error?.message ?? `HTTP ${response.status}`, error?.said ?? null);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function errorOf(json: unknown): Partial<ControlError> | undefined {
  return (json as { error?: Partial<ControlError> } | null)?.error;
}

/** Keeps one feed open; reconnects with exponential backoff. */
async function follow(feed: FeedListener, signal: AbortSignal): Promise<void> {
  let wait = MIN_RETRY_DELAY_MS;
  while (!signal.aborted) {
    try {
      const response = await fetch("/control/events", { headers: sessionHeaders(), cache: "no-store", signal });
      if (response.status === 401) return feed.signedOut();
      if (response.ok && response.body) {
        wait = MIN_RETRY_DELAY_MS;
        feed.connected(true);
        await readEvents(response.body, ({ event, data }) => {
          if (!signal.aborted) dispatch(feed, event, data);
        });
      }
    } catch {
      // The program stopped, restarted or moved: the loop reconnects.
    }
    if (signal.aborted) return;
    feed.connected(false);
    await pause(wait, signal);
    wait = Math.min(wait * 2, MAX_RETRY_DELAY_MS);
  }
}

function dispatch(feed: FeedListener, event: string, data: string): void {
  const parsed = parse(data);
  if (parsed !== null && (event === "record" || event === "status" || event === "test_text"))
    feed.event({ event, data: parsed } as ControlEvent);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
