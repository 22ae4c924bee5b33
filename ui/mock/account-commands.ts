// The commands `accounts.…` of the mock control.

import type { CommandArgs, CommandName, CommandResult } from "../src/control/control";
import type { AccountView, CheckView } from "../src/control/types";
import { account } from "./accounts";
import { refuse } from "./refuse";
import type { MockState } from "./state";

type AccountCommand = Extract<CommandName, `accounts.${string}`>;

type AccountTable = { [N in AccountCommand]: (args: CommandArgs<N>) => CommandResult<N> };

const REFUSED_SECRET = /^(bad|expired)/;

export function accountCommands(getState: () => MockState): AccountTable {
  function findAccount(label: string): AccountView {
    return getState().accounts.find((one) => one.label === label) ?? refuse("not_found", `no account is called ${label}`);
  }

  function addAccount(label: string, kind: AccountView["kind"], secret: string): CheckView {
    if (kind === "web" && !getState().terms) refuse("terms", "the notice about web accounts was not accepted yet");
    if (REFUSED_SECRET.test(secret))
      return {
        label,
        ok: false,
        message: "",
        said: { what: "session_refused" },
        unread: false,
        email: null,
        plan: null,
        quota_percent: null,
      };
    const added = account(label, { kind, email: "new@example.com", plan: "Standard", quota_percent: 4 });
    getState().accounts = [...getState().accounts, added];
    return {
      label,
      ok: true,
      message: "",
      said: { what: "added" },
      unread: false,
      email: "new@example.com",
      plan: "Standard",
      quota_percent: 4,
    };
  }

  return {
    "accounts.list": () => getState().accounts,
    "accounts.check": ({ label }) => (label ? [findAccount(label)] : getState().accounts).map(checkResult),
    "accounts.add": ({ label, kind, secret }) => addAccount(label || "new", kind ?? "web", secret),
    "accounts.replace": ({ label }) => {
      Object.assign(findAccount(label), { state: "ready", advice: null });
      return checkResult(findAccount(label));
    },
    "accounts.import": ({ text }) =>
      text
        .split(/[,\n]/)
        .filter((line) => line.trim())
        .map((_, i) => addAccount(`imported-${i + 1}`, "web", "ok")),
    "accounts.sign_in": ({ label }) => addAccount(label || "new", "web", "ok"),
    "accounts.rename": ({ label, to }) => {
      if (getState().accounts.some((one) => one.label === to)) refuse("exists", `${to} is taken`);
      findAccount(label).label = to;
      return null;
    },
    "accounts.order": ({ labels }) => {
      getState().accounts = labels.map((label) => findAccount(label));
      return null;
    },
    "accounts.enable": ({ label, enabled }) => {
      findAccount(label).state = enabled ? "ready" : "disabled";
      return null;
    },
    "accounts.use_host": ({ label, host }) => {
      const asked = findAccount(label);
      if (asked.advice?.what !== "confirm_host") return null;
      if (asked.advice.detail.host !== host) refuse("bad_arguments", `accounts are asked at ${asked.advice.detail.host} now`);
      Object.assign(asked, { state: "ready", advice: null });
      return null;
    },
    "accounts.refresh": () => null,
    "accounts.only": ({ label }) => {
      if (label !== null) findAccount(label);
      for (const one of getState().accounts) one.only = one.label === label;
      return null;
    },
    "accounts.remove": ({ label }) => {
      findAccount(label);
      getState().accounts = getState().accounts.filter((one) => one.label !== label);
      return null;
    },
    "accounts.explain": ({ model }) => ({
      model,
      account: "work",
      why: { by: "balance", ready: 2, running: 0, limited: 1, needs_login: 1, disabled: 0, tries: false },
      nobody: null,
      others: [
        { label: "personal", why: { what: "limited", minutes: 102 } },
        { label: "studio-key", why: { what: "not_next" } },
        { label: "old laptop", why: { what: "needs_login" } },
      ],
    }),
  };
}

function checkResult(one: AccountView): CheckView {
  const ok = one.state !== "needs_login";
  return {
    label: one.label,
    ok,
    message: "",
    said: { what: ok ? "session_valid" : "session_refused" },
    unread: false,
    email: one.email,
    plan: one.plan,
    quota_percent: one.quota_percent,
  };
}
