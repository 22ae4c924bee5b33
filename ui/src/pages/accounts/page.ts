import type { PageDefinition } from "../pages";
import Accounts from "./Accounts.svelte";

export default {
  title: "page.accounts",
  icon: "accounts",
  order: 20,
  component: Accounts,
  attention: (status) => status.accounts.filter((one) => one.state === "needs_login" || one.state === "unreadable").length,
} satisfies PageDefinition;
