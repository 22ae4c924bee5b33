// Who this page is for: nobody yet, someone signed in, or someone whose program does not answer.

import { type Control, ControlFailure, type ControlEvent } from "../control/control";
import type { Record as LogRecord, Status } from "../control/types";

export type Phase = "loading" | "signed_out" | "ready" | "unreachable";

/** The live picture of the program. One for the whole page. */
export class Session {
  phase = $state<Phase>("loading");
  status = $state.raw<Status | null>(null);
  /** Whether the live feed is up; while it is not, numbers may be old. */
  live = $state(false);

  private readonly listeners = new Set<(records: LogRecord[]) => void>();
  private readonly resets = new Set<() => void>();
  private arrived: LogRecord[] = [];
  private flushing = false;
  private end: (() => void) | null = null;

  constructor(readonly control: Control) {}

  /** Opens the feed; the first status comes with it. */
  start(): void {
    this.end?.();
    this.end = this.control.subscribe({
      event: (event) => this.take(event),
      connected: (up) => this.connected(up),
      signedOut: () => this.leave("signed_out"),
    });
  }

  stop(): void {
    this.end?.();
    this.end = null;
  }

  async refresh(): Promise<void> {
    try {
      this.status = await this.control.call("status", {});
      this.phase = "ready";
    } catch (error) {
      this.fail(error);
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

  /** Notes a failure that is about the whole page; says whether it was one. */
  fail(error: unknown): boolean {
    const code = error instanceof ControlFailure ? error.code : null;
    if (code === "signed_out") this.leave("signed_out");
    else if (code === "unreachable" && this.status === null) this.phase = "unreachable";
    return code === "signed_out";
  }

  /** Requests as they end, in batches; the answer ends it. */
  onRecords(listener: (records: LogRecord[]) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** After the feed was down: what a view shows may be old. */
  onReset(listener: () => void): () => void {
    this.resets.add(listener);
    return () => this.resets.delete(listener);
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

  private take(event: ControlEvent): void {
    if (event.event === "status") {
      this.status = event.data;
      this.phase = "ready";
    } else {
      this.arrived.push(event.data);
      this.flushSoon();
    }
  }

  /** At most one update of the page a frame, however many requests end. */
  private flushSoon(): void {
    if (this.flushing) return;
    this.flushing = true;
    nextFrame(() => {
      this.flushing = false;
      const batch = this.arrived;
      this.arrived = [];
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

/** A hidden page gets no frames, and must still not pile things up. */
function nextFrame(work: () => void): void {
  if (document.visibilityState === "visible") requestAnimationFrame(work);
  else setTimeout(work, 1000);
}
