// Toasts: short messages at the edge of the window. Equal ones are merged and counted.

export interface Toast {
  id: number;
  severity: "success" | "info" | "warning" | "error";
  text: string;
  detail: string | null;
  /** Button of the toast. */
  action: { label: string; run: () => void } | null;
  /** How often it was added since it appeared. */
  count: number;
}

export const SHOWN_MS = 8000;
export const SHOWN_WITH_ACTION_MS = 20_000;
const MAX_TOASTS = 4;

export class Toasts {
  list = $state<Toast[]>([]);
  private next = 1;
  // Nothing is drawn from the timers.
  // eslint-disable-next-line svelte/prefer-svelte-reactivity
  private readonly timers = new Map<number, ReturnType<typeof setTimeout>>();
  private paused = false;

  add(severity: Toast["severity"], text: string, detail: string | null = null, action: Toast["action"] = null): void {
    const equal = this.list.find((one) => one.severity === severity && one.text === text && one.detail === detail);
    if (equal) {
      equal.count += 1;
      equal.action = action;
      return this.restart(equal);
    }
    const toast = { id: this.next++, severity, text, detail, action, count: 1 };
    for (const old of this.list.slice(0, -(MAX_TOASTS - 1))) this.close(old.id);
    this.list = [...this.list, toast];
    this.restart(toast);
  }

  close(id: number): void {
    this.stop(id);
    this.list = this.list.filter((one) => one.id !== id);
  }

  /** Keeps all toasts while they are read: the pointer or the focus is on one. */
  pause(): void {
    this.paused = true;
    for (const one of this.list) this.stop(one.id);
  }

  /** Ends the pause; each toast gets its whole time again. */
  resume(): void {
    this.paused = false;
    for (const one of this.list) this.restart(one);
  }

  private restart(toast: Toast): void {
    this.stop(toast.id);
    if (this.paused) return;
    this.timers.set(
      toast.id,
      setTimeout(() => this.close(toast.id), toast.action ? SHOWN_WITH_ACTION_MS : SHOWN_MS),
    );
  }

  private stop(id: number): void {
    clearTimeout(this.timers.get(id));
    this.timers.delete(id);
  }
}
