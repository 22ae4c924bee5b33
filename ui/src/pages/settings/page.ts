import type { PageDefinition } from "../pages";
import Settings from "./Settings.svelte";

export default {
  title: "page.settings",
  icon: "settings",
  order: 60,
  component: Settings,
} satisfies PageDefinition;
