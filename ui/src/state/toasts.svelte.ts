// Short notes at the edge of the page. Errors stay until they are closed.

export interface Toast {
  id: number;
  severity: "success" | "info" | "warning" | "error";
  text: string;
  detail: string | null;
}

const SHOWN_MS = 4500;
const MOST = 4;

export class Toasts {
  list = $state<Toast[]>([]);
  private next = 1;

  add(severity: Toast["severity"], text: string, detail: string | null = null): void {
    const id = this.next++;
    this.list = [...this.list, { id, severity, text, detail }].slice(-MOST);
    if (severity === "success" || severity === "info") setTimeout(() => this.close(id), SHOWN_MS);
  }

  close(id: number): void {
    this.list = this.list.filter((one) => one.id !== id);
  }
}
