// Toasts. Errors stay until they are closed.

export interface Toast {
  id: number;
  severity: "success" | "info" | "warning" | "error";
  text: string;
  detail: string | null;
  /** Button of the toast. */
  action: { label: string; run: () => void } | null;
}

const SHOWN_MS = 4500;
const SHOWN_WITH_ACTION_MS = 20_000;
const MAX_TOASTS = 4;

export class Toasts {
  list = $state<Toast[]>([]);
  private next = 1;

  add(severity: Toast["severity"], text: string, detail: string | null = null, action: Toast["action"] = null): void {
    const id = this.next++;
    this.list = [...this.list, { id, severity, text, detail, action }].slice(-MAX_TOASTS);
    if (severity === "success" || severity === "info") setTimeout(() => this.close(id), action ? SHOWN_WITH_ACTION_MS : SHOWN_MS);
  }

  close(id: number): void {
    this.list = this.list.filter((one) => one.id !== id);
  }
}
