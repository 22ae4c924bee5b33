// The window has no browser's context menu (Back, Reload, …), except where it copies or pastes text.

const TEXT_FIELDS = "input:not([type=checkbox], [type=radio], [type=file], [type=button], [type=submit]), textarea, [contenteditable=true]";

/** Whether the browser's menu is useful at `target`: in a text field, or on selected text. */
function isUseful(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  if (target.closest(TEXT_FIELDS)) return true;
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && selection.getRangeAt(0).intersectsNode(target);
}

/** Suppresses the context menu elsewhere. */
export function limitContextMenu(): void {
  addEventListener("contextmenu", (event) => {
    if (!isUseful(event.target)) event.preventDefault();
  });
}
