// The request log as the list shows it: newest first, more on demand, new ones as they come.

import { type Control } from "../control/control";
import { matches } from "../control/matches";
import type { Query, Record as LogRecord } from "../control/types";

export const PAGE = 200;
/** While the reader looks at the newest, no more than this is held; older ones can be read again. */
export const HELD_AT_TOP = 2_000;
/** What waits for a reader who has scrolled away; if more comes, the list is read anew instead. */
const LONGEST_WAIT = 1_000;

export type Filter = Omit<Query, "before_id" | "after_id" | "limit">;

export class Requests {
  filter = $state.raw<Filter>({});
  loading = $state(false);
  complete = $state(false);
  total = $state<number | null>(null);
  error = $state.raw<unknown>(null);
  /** How many came in while the reader was away from the top. */
  waiting = $state(0);
  /** Grows with each change of the rows, which are kept outside of the reactive world: they are many. */
  version = $state(0);

  /** Oldest first, so that a new one is a push. */
  private rows: LogRecord[] = [];
  private held: LogRecord[] = [];
  private atTop = true;
  /** Answers of an older filter are thrown away. */
  private round = 0;

  constructor(private readonly control: Control) {}

  get length(): number {
    return void this.version, this.rows.length;
  }

  /** Row `index`, counted from the newest. */
  at(index: number): LogRecord | undefined {
    return this.rows[this.rows.length - 1 - index];
  }

  indexOf(id: number): number {
    const at = this.rows.findLastIndex((row) => row.id === id);
    return at < 0 ? -1 : this.rows.length - 1 - at;
  }

  async load(filter: Filter = this.filter): Promise<void> {
    const round = ++this.round;
    this.filter = filter;
    this.loading = true;
    this.error = null;
    try {
      const page = await this.control.call("log.latest", { ...filter, limit: PAGE });
      if (round !== this.round) return;
      this.replace(page.reverse(), page.length < PAGE);
      void this.countAll(round);
    } catch (error) {
      if (round === this.round) this.error = error;
    } finally {
      if (round === this.round) this.loading = false;
    }
  }

  /** The next page of older ones. */
  async more(): Promise<void> {
    const oldest = this.rows[0];
    if (this.loading || this.complete || !oldest) return;
    const round = this.round;
    this.loading = true;
    try {
      const page = await this.control.call("log.latest", { ...this.filter, limit: PAGE, before_id: oldest.id });
      if (round !== this.round) return;
      this.rows = [...page.reverse(), ...this.rows];
      this.complete = page.length < PAGE;
      this.version++;
    } catch (error) {
      if (round === this.round) this.error = error;
    } finally {
      if (round === this.round) this.loading = false;
    }
  }

  /** Requests ended. */
  take(batch: LogRecord[]): void {
    const newest = this.held.at(-1)?.id ?? this.rows.at(-1)?.id ?? 0;
    const fitting = batch.filter((one) => one.id > newest && matches(one, this.filter));
    if (fitting.length === 0) return;
    if (this.total !== null) this.total += fitting.length;
    if (this.atTop) this.append(fitting);
    else this.hold(fitting);
  }

  /** The reader came to the top, or left it. Rows do not move under the eyes of one who reads further down. */
  look(atTop: boolean): void {
    if (atTop === this.atTop) return;
    this.atTop = atTop;
    if (atTop) this.catchUp();
  }

  private catchUp(): void {
    if (this.waiting > this.held.length) {
      void this.load();
      return;
    }
    const held = this.held;
    this.held = [];
    this.waiting = 0;
    this.append(held);
  }

  private hold(fitting: LogRecord[]): void {
    this.waiting += fitting.length;
    if (this.held.length + fitting.length <= LONGEST_WAIT) this.held.push(...fitting);
  }

  private append(fitting: LogRecord[]): void {
    this.rows.push(...fitting);
    if (this.rows.length > HELD_AT_TOP) {
      this.rows = this.rows.slice(-HELD_AT_TOP);
      this.complete = false;
    }
    this.version++;
  }

  private replace(rows: LogRecord[], complete: boolean): void {
    this.rows = rows;
    this.held = [];
    this.waiting = 0;
    this.complete = complete;
    this.version++;
  }

  private async countAll(round: number): Promise<void> {
    try {
      const total = await this.control.call("log.count", this.filter);
      if (round === this.round) this.total = total;
    } catch {
      if (round === this.round) this.total = null;
    }
  }
}
