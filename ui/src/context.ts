// What every view may reach: the session, the place, the notes at the edge.

import { getContext, setContext } from "svelte";

import type { Control } from "./control/control";
import { describe } from "./errors";
import { Route } from "./state/route.svelte";
import { Session } from "./state/session.svelte";
import { Toasts } from "./state/toasts.svelte";

const KEY = Symbol("world");

export class World {
  readonly session: Session;
  readonly route = new Route();
  readonly toasts = new Toasts();

  constructor(readonly control: Control) {
    this.session = new Session(control);
  }

  /** Does something and says how it went; the answer is undefined where it failed. */
  async attempt<T>(work: () => Promise<T>, done?: string): Promise<T | undefined> {
    try {
      const value = await work();
      if (done) this.toasts.add("success", done);
      return value;
    } catch (error) {
      this.say(error);
      return undefined;
    }
  }

  say(error: unknown): void {
    if (this.session.fail(error)) return;
    const said = describe(error);
    this.toasts.add(said.severity, said.text, said.step);
  }
}

export function provide(world: World): void {
  setContext(KEY, world);
}

export function world(): World {
  return getContext<World>(KEY);
}
