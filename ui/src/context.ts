// The application's context: control, session, route and toasts, for every component.

import { getContext, setContext } from "svelte";

import type { Control } from "./control/control";
import { describe } from "./errors";
import { Route } from "./state/route.svelte";
import { Session } from "./state/session.svelte";
import { Toasts } from "./state/toasts.svelte";

const KEY = Symbol("app");

export class AppContext {
  readonly session: Session;
  readonly route: Route;
  readonly toasts = new Toasts();

  constructor(
    readonly control: Control,
    pages: readonly string[],
  ) {
    this.route = new Route(pages);
    this.session = new Session(control);
  }

  /** Runs `work` and shows a toast with its outcome; resolves to undefined where it failed. */
  async attempt<T>(work: () => Promise<T>, done?: string): Promise<T | undefined> {
    try {
      const value = await work();
      if (done) this.toasts.add("success", done);
      return value;
    } catch (error) {
      this.showError(error);
      return undefined;
    }
  }

  showError(error: unknown): void {
    if (this.session.handleFailure(error)) return;
    const description = describe(error);
    this.toasts.add(description.severity, description.text, description.step);
  }
}

export function provideAppContext(app: AppContext): void {
  setContext(KEY, app);
}

export function appContext(): AppContext {
  return getContext<AppContext>(KEY);
}
