// What the page shows of a client's set-up.

import type { ClientEntry, Drift, PickUp, Shadow } from "../control/types";
import { t } from "../i18n/index.svelte";
import { sentences } from "../messages";

export type Tone = "plain" | "ok" | "warn" | "bad";

/** Whether the client is on this machine or was set up from here. */
export function isHere(client: ClientEntry): boolean {
  return client.found !== null || isSetUp(client);
}

/** Whether there is a set-up from here that can be undone. */
export function isSetUp({ state }: ClientEntry): boolean {
  return (
    (state.state === "set_up" && !state.by_hand) ||
    state.state === "other_port" ||
    state.state === "key_refused" ||
    state.state === "changed_by_hand"
  );
}

/** Whether its files no longer fit the port or key in use. */
export function needsRepair({ state }: ClientEntry): boolean {
  return state.state === "other_port" || state.state === "key_refused";
}

/** The state in words, with the tone of its badge. */
export function setupState(client: ClientEntry): { tone: Tone; text: string } {
  const { state } = client;
  switch (state.state) {
    case "set_up":
      return { tone: "ok", text: t(state.by_hand ? "setup.state.by_hand" : "setup.state.set_up") };
    case "other_port":
      return { tone: "warn", text: t("setup.state.other_port", { port: state.port }) };
    case "key_refused":
    case "changed_by_hand":
      return { tone: "warn", text: t(`setup.state.${state.state}`) };
    case "unreadable":
      return { tone: "bad", text: t("setup.state.unreadable") };
    case "not_set_up":
    case "not_by_file":
      return { tone: "plain", text: t(client.launch && !client.set_up ? "setup.state.launch" : "setup.state.not_set_up") };
    default:
      return { tone: "plain", text: t("state.unknown") };
  }
}

/** What wins over the client's file. */
export function shadowText(shadow: Shadow): string {
  switch (shadow.kind) {
    case "variable":
      return t("setup.shadow.variable", shadow);
    case "shell_file":
      return t("setup.shadow.shell_file", shadow);
    case "project_file":
      return t("setup.shadow.project_file", shadow);
  }
}

/** When the client notices the change, and its own notes. */
export function pickUpText(pickUp: PickUp, name: string, notes: string[] = []): string {
  return sentences(t(`setup.pick_up.${pickUp}`, { name }), ...notes);
}

export function driftPlace(drift: Drift): string {
  return `${drift.path}:${drift.line}`;
}

/** Not set up first, then by the program's order, the most common first. */
export function inOrder(clients: ClientEntry[]): ClientEntry[] {
  const rank = (client: ClientEntry) => (needsRepair(client) ? 0 : client.state.state === "set_up" ? 2 : 1);
  return clients.toSorted((one, other) => rank(one) - rank(other));
}
