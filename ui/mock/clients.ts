// The commands `clients.…` of the mock control, and the clients of its machine.

import type { CommandArgs, CommandName, CommandResult } from "../src/control/control";
import type { ClientEntry, ClientOutcome, ClientPlan, Drift } from "../src/control/types";
import { refuse } from "./refuse";
import type { MockState } from "./state";

type ClientCommand = Extract<CommandName, `clients.${string}`>;

export type ClientTable = { [N in ClientCommand]: (args: CommandArgs<N>) => CommandResult<N> };

const HOME = "/home/ana";

/** The clients of the mock's machine, in the order in which the program lists them. */
export function mockClients(): ClientEntry[] {
  return [
    client("claude-code", "Claude Code", {
      found: `${HOME}/.local/bin/claude`,
      version: "2.1.280",
      launch: true,
      pick_up: "added_at_once",
    }),
    client("codex", "Codex", { found: `${HOME}/.local/bin/codex`, launch: true, key_place: "command" }),
    client("continue", "Continue", { found: `${HOME}/.continue`, pick_up: "at_once" }),
    client("zed", "Zed", { found: `${HOME}/.config/zed`, pick_up: "at_once", key_place: "paste" }),
    client("opencode", "OpenCode", { launch: true }),
    client("aider", "Aider", { set_up: false, launch: true, state: { state: "not_by_file" } }),
    client("cherry-studio", "Cherry Studio", { set_up: false, link: true, state: { state: "not_by_file" } }),
    client("cursor", "Cursor", {
      set_up: false,
      state: { state: "not_by_file" },
      why_not: "Its requests come from Cursor’s servers, which cannot reach this machine.",
    }),
  ];
}

/** Marks the clients that were set up for another port. */
export function portChanged(clients: ClientEntry[], from: number): void {
  for (const one of clients) if (one.state.state === "set_up") one.state = { state: "other_port", port: from };
}

function client(id: string, name: string, more: Partial<ClientEntry>): ClientEntry {
  return {
    id,
    name,
    found: null,
    version: null,
    set_up: true,
    launch: false,
    link: false,
    state: { state: "not_set_up" },
    shadows: [],
    pick_up: "next_start",
    key_place: "file",
    key_name: null,
    last_request_ms: null,
    model: null,
    small_model: null,
    base_url: "http://127.0.0.1:3000/v1",
    by_hand: [
      { label: "Base URL", value: "http://127.0.0.1:3000/v1", secret: false },
      { label: "API key", value: "{{MAMMOUTH_PROXY_KEY}}", secret: true },
    ],
    why_not: null,
    notes: [],
    ...more,
  };
}

/** The commands, over the clients of the state. */
export function clientCommands(getState: () => MockState): ClientTable {
  const entry = (id: string) => getState().clients.find((one) => one.id === id) ?? refuse("not_found", `no client is called ${id}`);
  const outcome = (one: ClientEntry): ClientOutcome => ({
    client: one.id,
    name: one.name,
    error: null,
    key_name: one.key_name,
    key: null,
    at_ms: getState().scenario.now,
  });
  const drifts = (one: ClientEntry): Drift[] => (one.state.state === "changed_by_hand" ? one.state.drifts : []);

  return {
    "clients.list": () => ({
      port: getState().port,
      clients: getState().clients,
      models: [
        { id: "claude-sonnet-4-5", served_now: true },
        { id: "gpt-5-mini", served_now: true },
      ],
      model: "claude-sonnet-4-5",
      small_model: "gpt-5-mini",
      keys_stored: true,
    }),
    "clients.plan": ({ client, model }) => setUpPlan(entry(client), model ?? "claude-sonnet-4-5", getState().port),
    "clients.apply": ({ client, model, small_model, plan }) => {
      const one = entry(client);
      if (plan !== setUpPlan(one, model ?? "claude-sonnet-4-5", getState().port).plan) refuse("conflict", "the file was changed meanwhile");
      Object.assign(one, { state: { state: "set_up", by_hand: false }, key_name: one.id, model, small_model });
      return outcome(one);
    },
    "clients.undo_plan": ({ client, drift }) => {
      const one = entry(client);
      const open = drift === "keep" || drift === "restore" ? [] : drifts(one);
      return { ...undoPlan(one), drifts: open, plan: open.length > 0 ? null : `undo-${client}` };
    },
    "clients.undo": ({ client }) => {
      const one = entry(client);
      const done = outcome(one);
      Object.assign(one, { state: { state: "not_set_up" }, key_name: null, model: null, small_model: null, last_request_ms: null });
      return done;
    },
    "clients.undo_all": () => [],
    "clients.repair_plan": () => ({
      plans: getState()
        .clients.filter((one) => one.state.state === "other_port" || one.state.state === "key_refused")
        .map((one) => setUpPlan(one, one.model ?? "claude-sonnet-4-5", getState().port)),
      problems: [],
    }),
    "clients.repair": ({ plans }) =>
      plans.map(({ client }) => {
        entry(client).state = { state: "set_up", by_hand: false };
        return outcome(entry(client));
      }),
    "clients.launch_command": ({ client, model }) => ({
      command: `mammouth-proxy launch ${entry(client).id}${model ? ` --model ${model}` : ""}`,
    }),
    // Of the command line only.
    "clients.launch": ({ arguments: own }) => ({ program: null, variables: [], removed: [], arguments: own ?? [] }),
    "clients.link": ({ client }) => {
      entry(client).key_name = client;
      return { link: null };
    },
  };
}

function setUpPlan(one: ClientEntry, model: string, port: number): ClientPlan {
  const path = `${HOME}/.config/${one.id}/settings.json`;
  const diff = `--- ${path}\n+++ ${path}\n@@ -1,3 +1,6 @@\n {\n+  "base_url": "http://127.0.0.1:${port}/v1",\n+  "model": "${model}",\n   "theme": "dark"\n }\n`;
  return plan(one, path, diff);
}

function undoPlan(one: ClientEntry): ClientPlan {
  const path = `${HOME}/.config/${one.id}/settings.json`;
  return plan(
    one,
    path,
    `--- ${path}\n+++ ${path}\n@@ -1,4 +1,3 @@\n {\n-  "base_url": "http://127.0.0.1:3000/v1",\n   "theme": "dark"\n }\n`,
  );
}

function plan(one: ClientEntry, path: string, diff: string): ClientPlan {
  return {
    client: one.id,
    name: one.name,
    files: [{ path, real_path: null, action: "change", diff, narrows_mode: false, drifts: [] }],
    changes: true,
    drifts: [],
    plan: diff,
    pick_up: one.pick_up,
    notes: one.notes,
  };
}
