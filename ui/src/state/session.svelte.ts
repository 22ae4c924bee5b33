// The session: connection, sign-in and status of the program.

import { type Control, ControlFailure, type ControlEvent } from "../control/control";
import type { RequestRecord, Status, TestText } from "../control/types";

export type Phase = "loading" | "signed_out" | "ready" | "unreachable";

/** The program's status, kept up to date over the event feed. One per page. */
export class Session {
  phase = $state<Phase>("loading");
  status = $state.raw<Status | null>(null);
  /** Whether the event feed is connected; while it is not, the status may be outdated. */
  live = $state(false);

  // Listeners are not shown on the page.
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  private readonly listeners = new Set<(records: RequestRecord[]) => void>();
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  private readonly resets = new Set<() => void>();
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  private readonly testTexts = new Set<(text: TestText) => void>();
  private received: RequestRecord[] = [];
  private flushScheduled = false;
  private unsubscribe: (() => void) | null = null;

  constructor(readonly control: Control) {}

  /** Opens the event feed and loads the status. */
  start(): void {
    this.unsubscribe?.();
    this.unsubscribe = this.control.subscribe({
      event: (event) => this.receive(event),
      connected: (up) => this.connected(up),
      signedOut: () => this.leave("signed_out"),
    });
  }

  stop(): void {
    this.unsubscribe?.();
    this.unsubscribe = null;
  }

  async refresh(): Promise<void> {
    try {
      this.status = await this.control.call("status", {});
      this.phase = "ready";
    } catch (error) {
      this.handleFailure(error);
    }
  }

  async signIn(token: string): Promise<void> {
    await this.control.signIn(token);
    this.phase = "loading";
    this.start();
  }

  async signOut(): Promise<void> {
    await this.control.signOut();
    this.leave("signed_out");
  }

  /** Handles a failure that concerns the whole page; returns whether the sign-in page took over. */
  handleFailure(error: unknown): boolean {
    const code = error instanceof ControlFailure ? error.code : null;
    if (code === "signed_out") this.leave("signed_out");
    else if (code === "unreachable" && this.status === null) this.phase = "unreachable";
    return code === "signed_out";
  }

  /** Calls `listener` with finished requests, in batches; returns the unsubscribe function. */
  onRecords(listener: (records: RequestRecord[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Calls `listener` after a reconnect: loaded data may be outdated. */
  onReset(listener: () => void): () => void {
    this.resets.add(listener);
    return () => this.resets.delete(listener);
  }

  /** Calls `listener` with each piece of a test's answer; returns the unsubscribe function. */
  onTestText(listener: (text: TestText) => void): () => void {
    this.testTexts.add(listener);
    return () => this.testTexts.delete(listener);
  }

  private connected(up: boolean): void {
    const back = up && !this.live && this.status !== null;
    this.live = up;
    if (!up) {
      if (this.status === null) this.phase = "unreachable";
      return;
    }
    void this.refresh();
    if (back) for (const listener of this.resets) listener();
  }

  private receive(event: ControlEvent): void {
    if (event.event === "status") {
      this.status = event.data;
      this.phase = "ready";
    } else if (event.event === "test_text") {
      for (const listener of this.testTexts) listener(event.data);
    } else {
      this.received.push(event.data);
      this.scheduleFlush();
    }
  }

  /** At most one update per frame, however many requests end. */
  private scheduleFlush(): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    nextFrame(() => {
      this.flushScheduled = false;
      const batch = this.received;
      this.received = [];
      for (const listener of this.listeners) listener(batch);
    });
  }

  private leave(phase: Phase): void {
    this.stop();
    this.phase = phase;
    this.status = null;
    this.live = false;
  }
}

/** A hidden page gets no animation frames, so a timer empties the queue there. */
function nextFrame(work: () => void): void {
  if (document.visibilityState === "visible") requestAnimationFrame(work);
  else setTimeout(work, 1000);
}
