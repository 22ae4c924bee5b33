import type { PageDefinition } from "../pages";
import Overview from "./Overview.svelte";

export default {
  title: "page.overview",
  icon: "overview",
  order: 10,
  component: Overview,
} satisfies PageDefinition;
