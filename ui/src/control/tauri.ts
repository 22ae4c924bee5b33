// Control over Tauri's IPC: one command for all calls, and a channel for the event feed.

import { Channel, invoke } from "@tauri-apps/api/core";

import {
  type CommandArgs,
  type Control,
  ControlFailure,
  type ControlEvent,
  type FeedListener,
  type CommandName,
  type CommandResult,
} from "./control";
import type { ControlError } from "./types";

export class TauriControl implements Control {
  readonly desktop = true;

  async call<N extends CommandName>(name: N, args: CommandArgs<N>): Promise<CommandResult<N>> {
    try {
      return await invoke<CommandResult<N>>("control", { name, args });
    } catch (error) {
      throw failure(error);
    }
  }

  subscribe(feed: FeedListener): () => void {
    let active = true;
    const channel = new Channel<ControlEvent>();
    channel.onmessage = (message) => {
      if (active) feed.event(message);
    };
    invoke("subscribe", { channel }).then(
      () => active && feed.connected(true),
      () => active && feed.connected(false),
    );
    return () => {
      active = false;
    };
  }

  signIn(): Promise<void> {
    return Promise.resolve();
  }

  signOut(): Promise<void> {
    return Promise.resolve();
  }

  drawn(): void {
    // Without an answer the program shows the window by itself.
    void invoke("control", { name: "window.drawn", args: {} }).catch(() => null);
  }

  /** The window is not loaded from the proxy: nothing to do. */
  moved(): void {}
}

function failure(error: unknown): ControlFailure {
  const known = error as Partial<ControlError> | null;
  if (known && typeof known === "object" && known.code) return new ControlFailure(known.code, known.message ?? "", known.said ?? null);
  return new ControlFailure("internal", typeof error === "string" ? error : "the window could not ask the program");
}
