// Where the window keeps the browser's context menu.

import { expect, test } from "vitest";

import { limitContextMenu } from "../src/context-menu";

test("the browser's menu opens in text fields and on selected text only", () => {
  document.body.innerHTML = '<p>some text</p><input type="text"><input type="checkbox"><textarea></textarea><button>Go</button>';
  limitContextMenu();
  const opens = (selector: string) => {
    const event = new MouseEvent("contextmenu", { bubbles: true, cancelable: true });
    document.querySelector(selector)?.dispatchEvent(event);
    return !event.defaultPrevented;
  };
  expect(opens("input[type=text]")).toBe(true);
  expect(opens("textarea")).toBe(true);
  for (const other of ["p", "button", "input[type=checkbox]"]) expect(opens(other)).toBe(false);
  getSelection()?.selectAllChildren(document.querySelector("p") as Element);
  expect(opens("p")).toBe(true);
  expect(opens("button")).toBe(false);
});
