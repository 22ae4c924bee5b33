// A client's plan of changes: loaded for each choice, then carried out.

import type { ClientOutcome, ClientPlan } from "../control/types";
import { describe } from "../errors";
import type { Session } from "./session.svelte";

export class ClientPlanState {
  plan = $state.raw<ClientPlan | null>(null);
  error = $state<string | null>(null);
  /** Whether the plan is being carried out. */
  busy = $state(false);
  private generation = 0;

  constructor(
    private readonly session: Session,
    private readonly fetchPlan: () => Promise<ClientPlan>,
  ) {}

  /** Loads the plan. Only the plan of the latest call is kept. */
  async load(): Promise<void> {
    const generation = ++this.generation;
    this.error = null;
    try {
      const plan = await this.fetchPlan();
      if (generation === this.generation) this.plan = plan;
    } catch (failure) {
      if (generation !== this.generation || this.session.handleFailure(failure)) return;
      this.plan = null;
      this.error = describe(failure).text;
    }
  }

  /** Carries the plan out with `call`. Resolves to undefined where the call failed; `error` says why. */
  async apply(call: (plan: string) => Promise<ClientOutcome>): Promise<ClientOutcome | undefined> {
    if (!this.plan?.plan) return undefined;
    this.busy = true;
    this.error = null;
    try {
      const outcome = await call(this.plan.plan);
      this.error = outcome.error;
      return outcome;
    } catch (failure) {
      if (this.session.handleFailure(failure)) return undefined;
      // A file changed meanwhile: the new diff is shown before anything is written.
      await this.load();
      this.error ??= describe(failure).text;
      return undefined;
    } finally {
      this.busy = false;
    }
  }
}
