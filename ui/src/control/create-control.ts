// Which door this page came through.

import type { Control } from "./control";
import { HttpControl } from "./http";

export async function openControl(): Promise<Control> {
  if (import.meta.env.MODE === "fake") {
    const { FakeControl, scene } = await import("./mock");
    return new FakeControl(scene(location.search));
  }
  if ("__TAURI_INTERNALS__" in window) {
    const { TauriControl } = await import("./tauri");
    return new TauriControl();
  }
  return new HttpControl();
}
