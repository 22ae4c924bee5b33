// Chooses the control implementation for this page.

import type { Control } from "./control";
import { HttpControl } from "./http";

export async function createControl(): Promise<Control> {
  if ("__TAURI_INTERNALS__" in window) {
    const { TauriControl } = await import("./tauri");
    return new TauriControl();
  }
  return new HttpControl();
}
