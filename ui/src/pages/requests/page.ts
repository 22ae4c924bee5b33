import type { PageDefinition } from "../pages";
import Requests from "./Requests.svelte";

export default {
  title: "page.requests",
  icon: "requests",
  order: 30,
  component: Requests,
} satisfies PageDefinition;
