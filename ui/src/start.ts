// Mounts the application.

import "./app.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { limitContextMenu } from "./context-menu";
import type { Control } from "./control/control";
import { loadLanguage } from "./i18n/index.svelte";

/** Waits for the language first, so that no English is shown to those who read another. */
export async function start(control: Control): Promise<void> {
  if (control.desktop) limitContextMenu();
  await loadLanguage();
  const target = document.getElementById("app");
  if (target) mount(App, { target, props: { control } });
}
