// Mounts the application.

import "./app.css";

import { mount } from "svelte";

import App from "./App.svelte";
import type { Control } from "./control/control";

export function start(control: Control): void {
  const target = document.getElementById("app");
  if (target) mount(App, { target, props: { control } });
}
