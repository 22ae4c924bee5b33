// The session token: the half of a session that is no cookie. Browsers send cookies of 127.0.0.1 to every port, so that
// any other program on this machine that gets visited receives ours; it is worth nothing without this token.
//
// sessionStorage belongs to one origin, port included, and to one tab. No other port can read it, and a reload keeps it.

const KEY = "mammouth.session_token";
/** How the token travels to the program's next port: in the fragment, which is never sent to a server. */
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

/** The address `next` with the token in it. It is forgotten here: another program may take this port later. */
export function handOverSessionToken(next: URL): URL {
  const token = sessionToken();
  const address = new URL(next);
  if (token !== null) address.hash = `#session=${token}${next.hash}`;
  forgetSessionToken();
  return address;
}

/** Takes the token that the page on the port before handed over, and clears it from the address. */
export function acceptSessionToken(): void {
  const [, token, rest] = HANDED_OVER.exec(location.hash) ?? [];
  if (token === undefined) return;
  keepSessionToken(token);
  history.replaceState(null, "", `${location.pathname}${location.search}${rest ?? ""}`);
}
