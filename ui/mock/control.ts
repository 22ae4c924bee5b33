// Mock control: every command of the control API over state in memory.

import {
  type CommandArgs,
  type Control,
  ControlFailure,
  type FeedListener,
  type CommandName,
  type CommandResult,
} from "../src/control/control";
import type { AccountView, CheckView, ErrorCode } from "../src/control/types";
import { DIGEST_ONLY } from "./accounts";
import { clientCommands, portChanged } from "./clients";
import { DEFAULT_SCENARIO, type Scenario } from "./scenario";
import { MockState } from "./state";

type Table = { [N in CommandName]: (args: CommandArgs<N>) => CommandResult<N> };

const REFUSED_SECRET = /^(bad|expired)/;

export class MockControl implements Control {
  /** Whether the page said that it shows content. */
  isDrawn = false;
  readonly desktop: boolean;
  readonly state: MockState;
  /** The calls made, in order: for tests. */
  readonly calls: { name: CommandName; args: unknown }[] = [];
  /** Failures that calls of a command are answered with. */
  readonly failures = new Map<CommandName, ControlFailure>();
  private readonly held = new Map<CommandName, Promise<unknown>>();
  private readonly feeds = new Set<FeedListener>();
  private readonly scenario: Scenario;
  private signedIn: boolean;

  constructor(scenario: Partial<Scenario> = {}) {
    this.scenario = { ...DEFAULT_SCENARIO, ...scenario };
    this.state = new MockState(this.scenario);
    this.desktop = this.scenario.desktop;
    this.signedIn = this.scenario.name !== "signed-out";
    if (this.scenario.live) setInterval(() => this.receiveRequest(), 900);
  }

  async call<N extends CommandName>(name: N, args: CommandArgs<N>): Promise<CommandResult<N>> {
    this.calls.push({ name, args });
    await this.delay(name);
    if (!this.signedIn) throw new ControlFailure("signed_out", "");
    const failure = this.failures.get(name);
    if (failure) throw failure;
    if (this.held.has(name)) return (await this.held.get(name)) as CommandResult<N>;
    const answer = (this.table[name] as (args: CommandArgs<N>) => CommandResult<N>)(args);
    if (CHANGES_STATUS.test(name)) this.sendStatus();
    return structuredClone(answer);
  }

  /** Has calls of a command wait until the returned function is called with their result. */
  hold<N extends CommandName>(name: N): (result: CommandResult<N>) => void {
    let end: (result: CommandResult<N>) => void = () => {};
    this.held.set(name, new Promise((ended) => (end = ended)));
    return (result) => {
      this.held.delete(name);
      end(result);
    };
  }

  subscribe(feed: FeedListener): () => void {
    this.feeds.add(feed);
    queueMicrotask(() => this.feeds.has(feed) && (this.signedIn ? feed.connected(true) : feed.signedOut()));
    return () => this.feeds.delete(feed);
  }

  async signIn(token: string): Promise<void> {
    if (token.length < 8) throw new ControlFailure("signed_out", "");
    this.signedIn = true;
  }

  async signOut(): Promise<void> {
    this.signedIn = false;
  }

  drawn(): void {
    this.isDrawn = true;
  }

  moved(): void {}

  /** Simulates a finished request, with the key called `client` where one is named. */
  receiveRequest(client?: string): void {
    const data = this.state.receiveRequest(this.scenario.live ? Date.now() : this.scenario.now);
    if (client !== undefined) data.client = client;
    for (const feed of this.feeds) feed.event({ event: "record", data: structuredClone(data) });
    this.sendStatus();
  }

  /** Sends the pieces of a test's answer; returns the whole. */
  private sendTestText(id: string): string {
    const text = "Hello! I am answering through your own proxy, so everything between your editor and me works.";
    for (const piece of text.split(/(?<= )/)) this.receiveTestText(id, piece);
    return text;
  }

  receiveTestText(id: string, text: string): void {
    for (const feed of this.feeds) feed.event({ event: "test_text", data: { id, text } });
  }

  /** Sends the status to every subscriber. */
  sendStatus(): void {
    for (const feed of this.feeds) feed.event({ event: "status", data: structuredClone(this.state.status()) });
  }

  /** Simulates a broken and restored connection. */
  reconnect(): void {
    for (const feed of this.feeds) feed.connected(false);
    for (const feed of this.feeds) feed.connected(true);
  }

  get listeners(): number {
    return this.feeds.size;
  }

  private async delay(name: CommandName): Promise<void> {
    if (this.scenario.name === "loading" && name !== "status") await new Promise(() => {});
  }

  private account(label: string): AccountView {
    return this.state.accounts.find((one) => one.label === label) ?? refuse("not_found", `no account is called ${label}`);
  }

  private addAccount(label: string, kind: AccountView["kind"], secret: string): CheckView {
    if (kind === "web" && !this.state.terms) refuse("terms", "the notice about web accounts was not accepted yet");
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
    const model = this.state.accounts[0] ?? { ...EMPTY_ACCOUNT };
    this.state.accounts = [
      ...this.state.accounts,
      { ...model, ...EMPTY_ACCOUNT, id: `id-${label}`, label, kind, email: "new@example.com", plan: "Standard", quota_percent: 4 },
    ];
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

  private key(name: string) {
    return this.state.keys.find((one) => one.name === name) ?? refuse("not_found", `no key is called ${name}`);
  }

  private readonly table: Table = {
    ...clientCommands(() => this.state),
    status: () => this.state.status(),
    overview: () => this.state.overview(this.scenario.live ? Date.now() : this.scenario.now),
    "accounts.list": () => this.state.accounts,
    "accounts.check": ({ label }) => (label ? [this.account(label)] : this.state.accounts).map(checkResult),
    "accounts.add": ({ label, kind, secret }) => this.addAccount(label || "new", kind ?? "web", secret),
    "accounts.replace": ({ label }) => {
      Object.assign(this.account(label), { state: "ready", advice: null });
      return checkResult(this.account(label));
    },
    "accounts.import": ({ text }) =>
      text
        .split(/[,\n]/)
        .filter((line) => line.trim())
        .map((_, i) => this.addAccount(`imported-${i + 1}`, "web", "ok")),
    "accounts.sign_in": ({ label }) => this.addAccount(label || "new", "web", "ok"),
    "accounts.rename": ({ label, to }) => {
      if (this.state.accounts.some((one) => one.label === to)) refuse("exists", `${to} is taken`);
      this.account(label).label = to;
      return null;
    },
    "accounts.order": ({ labels }) => {
      this.state.accounts = labels.map((label) => this.account(label));
      return null;
    },
    "accounts.enable": ({ label, enabled }) => {
      this.account(label).state = enabled ? "ready" : "disabled";
      return null;
    },
    "accounts.use_host": ({ label, host }) => {
      const account = this.account(label);
      if (account.advice?.what !== "confirm_host") return null;
      if (account.advice.detail.host !== host) refuse("bad_arguments", `accounts are asked at ${account.advice.detail.host} now`);
      Object.assign(account, { state: "ready", advice: null });
      return null;
    },
    "accounts.refresh": () => null,
    "accounts.only": ({ label }) => {
      if (label !== null) this.account(label);
      for (const one of this.state.accounts) one.only = one.label === label;
      return null;
    },
    "accounts.remove": ({ label }) => {
      this.account(label);
      this.state.accounts = this.state.accounts.filter((one) => one.label !== label);
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
    "keys.list": ({ reveal }) => this.state.keys.map((one) => ({ ...one, key: reveal && one.can_show ? keyText(one.name) : null })),
    "keys.add": ({ name, ...limits }) => {
      if (name.trim() === "") refuse("bad_arguments", "a key needs a name");
      if (this.state.keys.some((one) => one.name === name)) refuse("exists", `${name} is taken`);
      const made = {
        ...EMPTY_KEY,
        name,
        models: limits.models ?? [],
        daily_tokens: limits.daily_tokens ?? null,
        daily_cost_usd: limits.daily_cost_usd ?? null,
      };
      // Like the program without a keychain: the key is shown only once.
      made.can_show = this.scenario.name !== "broken";
      made.origin = made.can_show ? "keychain" : DIGEST_ONLY;
      this.state.keys = [...this.state.keys, made];
      return { ...made, key: keyText(name) };
    },
    "keys.change": ({ name, ...limits }) => (Object.assign(this.key(name), limits), null),
    "keys.revoke": ({ name }) => {
      this.state.keys = this.state.keys.filter((one) => one !== this.key(name));
      return null;
    },
    // Of the command line only.
    "keys.issue": ({ ttl_seconds }) => ({ key: "mp-mock", expires_ms: Date.now() + (ttl_seconds ?? 86_400) * 1000 }),
    "keys.copy": ({ name, template }) => {
      if (!this.desktop) refuse("desktop_only", "this is the headless program");
      if (!this.key(name).can_show) throw new ControlFailure("not_found", "", { what: "key_not_stored" });
      this.state.clipboard = template.replaceAll("{{MAMMOUTH_PROXY_KEY}}", keyText(name));
      return null;
    },
    "clipboard.copy": ({ text }) => {
      if (!this.desktop) refuse("desktop_only", "this is the headless program");
      this.state.clipboard = text;
      return null;
    },
    "keys.replace_main": () => ({ ...this.key("main"), key: "mp-main-77aa88bb99cc00dd" }),
    "models.list": () => this.state.models,
    "models.refresh": () => this.state.models,
    "models.set_alias": ({ name, target }) => {
      // The target need not be a listed model: the program accepts any name.
      const real =
        this.state.models.find((one) => one.id === target) ?? this.state.models[0] ?? refuse("not_found", "no model is known yet");
      this.state.models = [...this.state.models.filter((one) => one.id !== name), { ...real, id: name, alias_of: target }];
      return null;
    },
    "models.remove_alias": ({ name }) => {
      if (!this.state.models.some((one) => one.id === name && one.alias_of !== null)) refuse("not_found", `no alias is called ${name}`);
      this.state.models = this.state.models.filter((one) => one.id !== name || one.alias_of === null);
      return null;
    },
    try: ({ model, id }) => ({
      status: 200,
      text: this.sendTestText(id ?? ""),
      model,
      account: "work",
      attempts: 1,
      first_byte_ms: 412,
      duration_ms: 1180,
      error: null,
      code: null,
    }),
    "try.stop": () => null,
    "log.latest": (query) => this.state.found(query),
    "log.get": ({ id }) => this.state.records.find((one) => one.id === id) ?? refuse("not_found", "no such request"),
    "log.count": (query) => this.state.count(query),
    "log.bodies": ({ id }) => {
      if (this.state.setting("keep_bodies")?.value !== true) refuse("not_found", "bodies are not kept");
      return {
        request: `{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"Request ${id}"}]}`,
        response: `{"choices":[{"message":{"content":"Answer ${id}"}}]}`,
        cut: false,
      };
    },
    "log.export": ({ format, query }) => {
      const records = this.state.count(query ?? {});
      return { name: `mammouth-requests.${format}`, media_type: "text/plain", text: `${records} requests\n`, records };
    },
    "log.save": ({ format, query }) => {
      if (!this.desktop) refuse("desktop_only", "this is the headless program");
      this.state.saved = { path: `/home/ana/Downloads/mammouth-requests.${format}`, records: this.state.count(query ?? {}) };
      return this.state.saved;
    },
    "log.show_saved": () => (this.state.saved ? null : refuse("not_found", "nothing was saved")),
    "log.clear": () => this.state.records.splice(0).length,
    "port.switch": ({ port }) => {
      if (port === 8080) refuse("port_taken", "port 8080 is taken by nginx (pid 812)");
      portChanged(this.state.clients, this.state.port);
      this.state.port = port;
      return { address: `127.0.0.1:${port}` };
    },
    "port.free": () => ({ port: this.state.port + 1 }),
    "serving.set": ({ on }) => ((this.state.serving = on), null),
    "program.stop": () => null,
    "settings.get": () => this.state.settings,
    "settings.set": ({ name, value }) => {
      const setting = this.state.setting(name) ?? refuse("not_found", `no setting is called ${name}`);
      if (setting.from === "environment" || setting.from === "flag") refuse("fixed_by_environment", name);
      if (setting.choices.length > 0 && value !== null && !setting.choices.includes(String(value)))
        refuse("bad_arguments", `${name} cannot be ${String(value)}`);
      setting.value = value ?? setting.default;
      setting.from = value === null ? "default" : "file";
      return setting;
    },
    "settings.welcomed": () => ((this.state.welcomed = true), null),
    "settings.accept_terms": () => ((this.state.terms = true), null),
    "secrets.state": () => ({
      place: "keychain",
      state: this.scenario.name === "broken" ? "locked" : "open",
      error: this.scenario.name === "broken" ? { what: "locked" } : null,
    }),
    "secrets.unlock": () => ({ place: "keychain", state: "open", error: null }),
    "updates.status": () => ({
      version: this.state.status().version,
      owner: "portable",
      command: null,
      installable: true,
      configured: this.scenario.name === "update",
      automatic: this.state.setting("update_check")?.value === true,
      checked_ms: this.scenario.name === "update" ? this.scenario.now : null,
      available: this.scenario.name === "update" ? "9.0.0" : null,
    }),
    "updates.install": () =>
      this.scenario.name === "update" ? { version: "9.0.0" } : refuse("not_found", "this build has no address for updates"),
    "updates.check": () => refuse("not_found", "this build has no address for updates"),
    "window.open": () => (this.desktop ? null : refuse("desktop_only", "only the desktop program has a window")),
    doctor: () => [
      { subject: "proxy", level: "good", text: "", advice: "", said: { what: "no_proxy" } },
      { subject: "Mammouth", level: "good", text: "", advice: "", said: { what: "site_reached" } },
      { subject: "clock", level: "bad", text: "", advice: "", said: { what: "clock_behind", minutes: 4 } },
    ],
  };
}

const CHANGES_STATUS = /^(accounts\.(add|replace|import|sign_in|rename|order|enable|only|remove)|port\.switch|serving\.set|settings\.)/;

const EMPTY_ACCOUNT: AccountView = {
  id: "",
  label: "",
  kind: "web",
  origin: "stored",
  state: "ready",
  advice: null,
  limits: [],
  running: 0,
  quota_percent: null,
  quota_estimated: false,
  spend_cents: null,
  by_family: [],
  budget_usd: null,
  spent_usd: null,
  budget_reset_ms: null,
  downgrades: [],
  as_of_ms: null,
  last_used_ms: null,
  email: null,
  plan: null,
  only: false,
};

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

function refuse(code: ErrorCode, message: string): never {
  throw new ControlFailure(code, message);
}
