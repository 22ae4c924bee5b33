// The session token: the second half of a session, beside the cookie. Browsers send cookies of 127.0.0.1 to every port,
// so any other local server that is visited receives ours; without this token it is useless.
//
// sessionStorage belongs to one origin, port included, and to one tab. No other port can read it, and a reload keeps it.

const KEY = "mammouth.session_token";
/** The token in the URL fragment, which is never sent to a server: it is handed to the program's next port that way. */
const HANDED_OVER = /^#session=([\w-]+)(#.*)?$/;

export function sessionToken(): string | null {
  return sessionStorage.getItem(KEY);
}

export function keepSessionToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forgetSessionToken(): void {
  sessionStorage.removeItem(KEY);
}

/** The address `next` with the token in it. The token is deleted here: another program may take this port later. */
export function handOverSessionToken(next: URL): URL {
  const token = sessionToken();
  const address = new URL(next);
  if (token !== null) address.hash = `#session=${token}${next.hash}`;
  forgetSessionToken();
  return address;
}

/** Stores the token handed over by the page on the previous port, and removes it from the address. */
export function acceptSessionToken(): void {
  const [, token, rest] = HANDED_OVER.exec(location.hash) ?? [];
  if (token === undefined) return;
  keepSessionToken(token);
  history.replaceState(null, "", `${location.pathname}${location.search}${rest ?? ""}`);
}
