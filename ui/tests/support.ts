// Test support: a mounted page with the mock behind it.

import { mount, tick, unmount } from "svelte";
import { afterEach } from "vitest";

import App from "../src/App.svelte";
import { loadLanguage } from "../src/i18n/index.svelte";
import { MockControl, type Scenario } from "../mock";
import { appearance } from "../src/state/appearance.svelte";
import { waitFor } from "./wait-for";

export { waitFor };

const mounted: ReturnType<typeof mount>[] = [];

afterEach(async () => {
  for (const one of mounted.splice(0)) void unmount(one);
  document.body.replaceChildren();
  localStorage.clear();
  await switchLanguage("en");
});

export async function switchLanguage(language: typeof appearance.language): Promise<void> {
  appearance.setLanguage(language);
  await loadLanguage();
}

/** Mounts the whole application at an address. */
export async function openPage(scenario: Partial<Scenario> = {}, place = "overview"): Promise<MockControl> {
  location.hash = `#/${place}`;
  const control = new MockControl(scenario);
  mounted.push(mount(App, { target: document.body, props: { control } }));
  if (scenario.name !== "signed-out" && scenario.name !== "welcome") await waitFor(() => find("h1"));
  return control;
}

export function find<E extends Element = HTMLElement>(selector: string): E {
  const found = document.querySelector<E>(selector);
  if (!found) throw new Error(`nothing is ${selector} in: ${document.body.textContent?.slice(0, 400)}`);
  return found;
}

/** The button with an accessible name or text. */
export function button(name: string | RegExp): HTMLButtonElement {
  const fits = (text: string | null | undefined) =>
    text != null && (typeof name === "string" ? text.trim() === name : name.test(text.trim()));
  const found = [...document.querySelectorAll("button")].find((one) => fits(one.getAttribute("aria-label")) || fits(one.textContent));
  if (!found) throw new Error(`no button is called ${name}`);
  return found;
}

/** Waits until the page contains a text. */
export async function waitForText(text: string | RegExp): Promise<void> {
  await waitFor(() => {
    const all = document.body.textContent ?? "";
    if (typeof text === "string" ? !all.includes(text) : !text.test(all))
      throw new Error(`the page does not say ${text}: ${all.slice(0, 600)}`);
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
