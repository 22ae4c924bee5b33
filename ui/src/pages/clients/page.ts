import type { PageDefinition } from "../pages";
import Clients from "./Clients.svelte";

export default {
  title: "page.clients",
  icon: "clients",
  order: 50,
  component: Clients,
} satisfies PageDefinition;
