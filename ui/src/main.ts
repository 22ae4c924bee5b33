import "./app.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { openControl } from "./control/create-control";

const target = document.getElementById("app");
if (target) {
  const control = await openControl();
  mount(App, { target, props: { control } });
}
