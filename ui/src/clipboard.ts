// Clipboard and downloads. In the desktop window the program copies: WebKit lets a page write to the clipboard only within the click
// itself, not once it has waited for an answer. A browser withholds its clipboard where the page is not served from this machine;
// copying a selection still works there.

import type { Control } from "./control/control";

/** Copies `text`; resolves to whether it could. */
export async function copy(control: Control, text: string): Promise<boolean> {
  if (control.desktop) {
    await control.call("clipboard.copy", { text });
    return true;
  }
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  const before = document.activeElement as HTMLElement | null;
  // While a dialog is open, everything outside it is inert.
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  before?.focus();
  return done;
}

/** Downloads `text` as a file. */
export function save(name: string, mediaType: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: mediaType }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
