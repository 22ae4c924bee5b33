// The one way from the page to the program. Three doors carry it: HTTP, the window's IPC, and a fake.

import type { Commands, ControlEvent, ErrorCode, Said } from "./types";

export type Name = keyof Commands;
export type Args<N extends Name> = Commands[N][0];
export type Result<N extends Name> = Commands[N][1];

export type { ControlEvent };

/** What went wrong with a call, beyond what the program itself says: nobody is signed in, or nothing answers. */
export type FailureCode = ErrorCode | "signed_out" | "unreachable";

export class ControlFailure extends Error {
  constructor(
    readonly code: FailureCode,
    message: string,
    /** The message, to be said in the reader's language. */
    readonly said: Said | null = null,
  ) {
    super(message);
    this.name = "ControlFailure";
  }
}

export interface Feed {
  /** An event arrived. */
  event(event: ControlEvent): void;
  /** The feed is up (events from before are lost: ask anew), or down. */
  connected(up: boolean): void;
  /** The program wants a sign-in first; the feed has ended. */
  signedOut(): void;
}

export interface Control {
  /** Whether this is the window of the desktop program: it needs no sign-in. */
  readonly desktop: boolean;
  call<N extends Name>(name: N, args: Args<N>): Promise<Result<N>>;
  /** Opens the live feed and keeps it open; the answer ends it, at any time, also before it is up. */
  subscribe(feed: Feed): () => void;
  signIn(token: string): Promise<void>;
  signOut(): Promise<void>;
  /** Where the page goes on after the program has moved to another address. */
  moved(address: string): void;
}
