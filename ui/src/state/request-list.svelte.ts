// The request list: newest first, older pages on demand, new requests as they arrive.

import { type Control } from "../control/control";
import { matches } from "../control/matches";
import type { Query, RequestRecord } from "../control/types";

export const PAGE_SIZE = 200;
/** Rows held while the newest is visible; older ones can be loaded again. */
export const MAX_ROWS_AT_TOP = 2_000;
/** New rows held back while the list is scrolled; if more arrive, the list is reloaded instead. */
const MAX_PENDING = 1_000;

export type Filter = Omit<Query, "before_id" | "after_id" | "limit">;

export class RequestList {
  filter = $state.raw<Filter>({});
  loading = $state(false);
  complete = $state(false);
  total = $state<number | null>(null);
  error = $state.raw<unknown>(null);
  /** Number of requests that arrived while the list was scrolled away from the top. */
  pendingCount = $state(0);
  /** Changes with the rows, which are too many to be reactive themselves. */
  version = $state(0);

  /** Oldest first, so that a new one is a push. */
  private rows: RequestRecord[] = [];
  private pending: RequestRecord[] = [];
  private atTop = true;
  /** Responses of an older generation (another filter) are discarded. */
  private generation = 0;

  constructor(private readonly control: Control) {}

  get length(): number {
    return (void this.version, this.rows.length);
  }

  /** Row `index`, counted from the newest. */
  at(index: number): RequestRecord | undefined {
    return this.rows[this.rows.length - 1 - index];
  }

  indexOf(id: number): number {
    const at = this.rows.findLastIndex((row) => row.id === id);
    return at < 0 ? -1 : this.rows.length - 1 - at;
  }

  async load(filter: Filter = this.filter): Promise<void> {
    const generation = ++this.generation;
    this.filter = filter;
    this.loading = true;
    this.error = null;
    try {
      const page = await this.control.call("log.latest", { ...filter, limit: PAGE_SIZE });
      if (generation !== this.generation) return;
      this.replace(page.reverse(), page.length < PAGE_SIZE);
      void this.countAll(generation);
    } catch (error) {
      if (generation === this.generation) this.error = error;
    } finally {
      if (generation === this.generation) this.loading = false;
    }
  }

  /** Loads the next page of older requests. */
  async loadOlder(): Promise<void> {
    const oldest = this.rows[0];
    if (this.loading || this.complete || !oldest) return;
    const generation = this.generation;
    this.loading = true;
    try {
      const page = await this.control.call("log.latest", { ...this.filter, limit: PAGE_SIZE, before_id: oldest.id });
      if (generation !== this.generation) return;
      this.rows = [...page.reverse(), ...this.rows];
      this.complete = page.length < PAGE_SIZE;
      this.version++;
    } catch (error) {
      if (generation === this.generation) this.error = error;
    } finally {
      if (generation === this.generation) this.loading = false;
    }
  }

  /** Adds finished requests. */
  receive(batch: RequestRecord[]): void {
    const newest = this.pending.at(-1)?.id ?? this.rows.at(-1)?.id ?? 0;
    const matching = batch.filter((one) => one.id > newest && matches(one, this.filter));
    if (matching.length === 0) return;
    if (this.total !== null) this.total += matching.length;
    if (this.atTop) this.append(matching);
    else this.postpone(matching);
  }

  /** Whether the top of the list is visible. While it is not, rows are not moved: new ones stay pending. */
  setAtTop(atTop: boolean): void {
    if (atTop === this.atTop) return;
    this.atTop = atTop;
    if (atTop) this.catchUp();
  }

  private catchUp(): void {
    if (this.pendingCount > this.pending.length) {
      void this.load();
      return;
    }
    const pending = this.pending;
    this.pending = [];
    this.pendingCount = 0;
    this.append(pending);
  }

  private postpone(matching: RequestRecord[]): void {
    this.pendingCount += matching.length;
    if (this.pending.length + matching.length <= MAX_PENDING) this.pending.push(...matching);
  }

  private append(matching: RequestRecord[]): void {
    this.rows.push(...matching);
    if (this.rows.length > MAX_ROWS_AT_TOP) {
      this.rows = this.rows.slice(-MAX_ROWS_AT_TOP);
      this.complete = false;
    }
    this.version++;
  }

  private replace(rows: RequestRecord[], complete: boolean): void {
    this.rows = rows;
    this.pending = [];
    this.pendingCount = 0;
    this.complete = complete;
    this.version++;
  }

  private async countAll(generation: number): Promise<void> {
    try {
      const total = await this.control.call("log.count", this.filter);
      if (generation === this.generation) this.total = total;
    } catch {
      if (generation === this.generation) this.total = null;
    }
  }
}
