// What the tests share: a page with a fake program behind it.

import { mount, tick, unmount } from "svelte";
import { afterEach } from "vitest";

import App from "../src/App.svelte";
import { FakeControl, type Scene } from "../src/control/mock";
import { look } from "../src/state/appearance.svelte";
import { until } from "./wait-for";

export { until };

const mounted: ReturnType<typeof mount>[] = [];

afterEach(() => {
  for (const one of mounted.splice(0)) void unmount(one);
  document.body.replaceChildren();
  localStorage.clear();
  look.setLanguage("en");
});

/** Opens the whole page on a place, as the browser would. */
export async function open(scene: Partial<Scene> = {}, place = "overview"): Promise<FakeControl> {
  location.hash = `#/${place}`;
  const control = new FakeControl(scene);
  mounted.push(mount(App, { target: document.body, props: { control } }));
  if (scene.name !== "signed-out" && scene.name !== "welcome") await until(() => find("h1"));
  return control;
}

export function find<E extends Element = HTMLElement>(selector: string): E {
  const found = document.querySelector<E>(selector);
  if (!found) throw new Error(`nothing is ${selector} in: ${document.body.textContent?.slice(0, 400)}`);
  return found;
}

/** The button that is called so. */
export function button(name: string | RegExp): HTMLButtonElement {
  const fits = (text: string | null | undefined) => text != null && (typeof name === "string" ? text.trim() === name : name.test(text.trim()));
  const found = [...document.querySelectorAll("button")].find((one) => fits(one.getAttribute("aria-label")) || fits(one.textContent));
  if (!found) throw new Error(`no button is called ${name}`);
  return found;
}

/** Waits until the page says something. */
export async function says(text: string | RegExp): Promise<void> {
  await until(() => {
    const all = document.body.textContent ?? "";
    if (typeof text === "string" ? !all.includes(text) : !text.test(all)) throw new Error(`the page does not say ${text}: ${all.slice(0, 600)}`);
  });
}

export async function type(field: HTMLInputElement | HTMLTextAreaElement, text: string): Promise<void> {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  await tick();
}

export async function choose(field: HTMLSelectElement, value: string): Promise<void> {
  field.value = value;
  field.dispatchEvent(new Event("change", { bubbles: true }));
  await tick();
}

export function submit(form: HTMLFormElement): void {
  form.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
}
