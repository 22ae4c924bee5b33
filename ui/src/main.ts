import "./app.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { createControl } from "./control/create-control";

const target = document.getElementById("app");
if (target) {
  const control = await createControl();
  mount(App, { target, props: { control } });
}
