import type { PageDefinition } from "../pages";
import Models from "./Models.svelte";

export default {
  title: "page.models",
  icon: "models",
  order: 40,
  component: Models,
} satisfies PageDefinition;
