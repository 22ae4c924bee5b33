// The commands `keys.…` of the mock control.

import { type CommandArgs, type CommandName, type CommandResult, ControlFailure } from "../src/control/control";
import { DIGEST_ONLY } from "./accounts";
import { refuse } from "./refuse";
import type { Scenario } from "./scenario";
import type { MockState } from "./state";

type KeyCommand = Extract<CommandName, `keys.${string}`>;

type KeyTable = { [N in KeyCommand]: (args: CommandArgs<N>) => CommandResult<N> };

export function keyCommands(getState: () => MockState, getScenario: () => Scenario): KeyTable {
  function findKey(name: string) {
    return getState().keys.find((one) => one.name === name) ?? refuse("not_found", `no key is called ${name}`);
  }

  return {
    "keys.list": ({ reveal }) => getState().keys.map((one) => ({ ...one, key: reveal && one.can_show ? keyText(one.name) : null })),
    "keys.add": ({ name, ...limits }) => {
      if (name.trim() === "") refuse("bad_arguments", "a key needs a name");
      if (getState().keys.some((one) => one.name === name)) refuse("exists", `${name} is taken`);
      const made = {
        ...EMPTY_KEY,
        name,
        models: limits.models ?? [],
        daily_tokens: limits.daily_tokens ?? null,
        daily_cost_usd: limits.daily_cost_usd ?? null,
      };
      // Like the program without a keychain: the key is shown only once.
      made.can_show = getScenario().name !== "broken";
      made.origin = made.can_show ? "keychain" : DIGEST_ONLY;
      getState().keys = [...getState().keys, made];
      return { ...made, key: keyText(name) };
    },
    "keys.change": ({ name, ...limits }) => (Object.assign(findKey(name), limits), null),
    "keys.revoke": ({ name }) => {
      getState().keys = getState().keys.filter((one) => one !== findKey(name));
      return null;
    },
    // Of the command line only.
    "keys.issue": ({ ttl_seconds }) => ({ key: "mp-mock", expires_ms: Date.now() + (ttl_seconds ?? 86_400) * 1000 }),
    "keys.copy": ({ name, template }) => {
      if (!getScenario().desktop) refuse("desktop_only", "this is the headless program");
      if (!findKey(name).can_show) throw new ControlFailure("not_found", "", { what: "key_not_stored" });
      getState().clipboard = template.replaceAll("{{MAMMOUTH_PROXY_KEY}}", keyText(name));
      return null;
    },
    "keys.replace_main": () => ({ ...findKey("main"), key: "mp-main-77aa88bb99cc00dd" }),
  };
}

const EMPTY_KEY = {
  name: "",
  origin: "keychain",
  key: null,
  can_show: true,
  last_used_ms: null,
  models: [] as string[],
  daily_tokens: null,
  daily_cost_usd: null,
  today_tokens: 0,
  today_cost_usd: 0,
};

const keyText = (name: string) => `mp-${name}-4f9c2e71d0b64a58`;
