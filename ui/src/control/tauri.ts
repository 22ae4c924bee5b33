// The door of the window: one command for everything, and a channel for the live feed.

import { Channel, invoke } from "@tauri-apps/api/core";

import { type Args, type Control, ControlFailure, type ControlEvent, type Feed, type Name, type Result } from "./control";
import type { ControlError } from "./types";

export class TauriControl implements Control {
  readonly desktop = true;

  async call<N extends Name>(name: N, args: Args<N>): Promise<Result<N>> {
    try {
      return await invoke<Result<N>>("control", { name, args });
    } catch (error) {
      throw failure(error);
    }
  }

  subscribe(feed: Feed): () => void {
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

  /** The window is not served by the proxy: nothing to do. */
  moved(): void {}
}

function failure(error: unknown): ControlFailure {
  const known = error as Partial<ControlError> | null;
  if (known && typeof known === "object" && known.code) return new ControlFailure(known.code, known.message ?? "", known.said ?? null);
  return new ControlFailure("internal", typeof error === "string" ? error : "the window could not ask the program");
}
