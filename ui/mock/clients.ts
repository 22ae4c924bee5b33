// The commands `clients.…` of the mock control.

import type { CommandArgs, CommandName, CommandResult } from "../src/control/control";
import type { ClientPlan } from "../src/control/generated/ClientPlan";

type ClientCommand = Extract<CommandName, `clients.${string}`>;

type ClientTable = { [N in ClientCommand]: (args: CommandArgs<N>) => CommandResult<N> };

/** A machine on which no client is known. */
export const CLIENT_COMMANDS: ClientTable = {
  "clients.list": () => ({ port: 8787, clients: [], models: [], model: null, small_model: null, keys_stored: true }),
  "clients.plan": ({ client }) => emptyPlan(client),
  "clients.apply": ({ client }) => outcome(client),
  "clients.undo_plan": ({ client }) => emptyPlan(client),
  "clients.undo": ({ client }) => outcome(client),
  "clients.undo_all": () => [],
  "clients.repair_plan": () => ({ plans: [], problems: [] }),
  "clients.repair": ({ plans }) => plans.map(({ client }) => outcome(client)),
  "clients.launch_command": ({ client }) => ({ command: `mammouth-proxy launch ${client}` }),
  "clients.link": () => ({ link: null }),
};

function emptyPlan(client: string): ClientPlan {
  return {
    client,
    name: client,
    files: [],
    changes: false,
    drifts: [],
    plan: "0",
    pick_up: "next_start",
    notes: [],
  };
}

function outcome(client: string) {
  return { client, name: client, error: null, key_name: client, key: null, at_ms: Date.now() };
}
