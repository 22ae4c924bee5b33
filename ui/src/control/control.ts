// The control API: the page's only connection to the program. Implemented over HTTP, Tauri's IPC and a mock.

import type { Commands, ControlEvent, ErrorCode, UserMessage } from "./types";

export type CommandName = keyof Commands;
export type CommandArgs<N extends CommandName> = Commands[N][0];
export type CommandResult<N extends CommandName> = Commands[N][1];

export type { ControlEvent };

/** Why a call failed: the program's error codes, and those of the transport. */
export type FailureCode = ErrorCode | "signed_out" | "unreachable";

export class ControlFailure extends Error {
  constructor(
    readonly code: FailureCode,
    message: string,
    /** The message as code and arguments, for translation. */
    readonly userMessage: UserMessage | null = null,
  ) {
    super(message);
    this.name = "ControlFailure";
  }
}

export interface FeedListener {
  /** Called for each event. */
  event(event: ControlEvent): void;
  /** Called when the feed connects (earlier events are lost: reload) or disconnects. */
  connected(up: boolean): void;
  /** Called when a sign-in is required; the feed has ended. */
  signedOut(): void;
}

export interface Control {
  /** Whether this is the desktop program's window, which needs no sign-in. */
  readonly desktop: boolean;
  call<N extends CommandName>(name: N, args: CommandArgs<N>): Promise<CommandResult<N>>;
  /** Opens the event feed and reconnects it; the returned function ends it, even before it has connected. */
  subscribe(feed: FeedListener): () => void;
  signIn(token: string): Promise<void>;
  signOut(): Promise<void>;
  /** Called once the page shows content: a desktop window is invisible until then. */
  drawn(): void;
  /** Called after the program has moved to another address. */
  moved(address: string): void;
}
