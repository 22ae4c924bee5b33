// Mock control: every command of the control API over state in memory.

import {
  type CommandArgs,
  type Control,
  ControlFailure,
  type FeedListener,
  type CommandName,
  type CommandResult,
} from "../src/control/control";
import { accountCommands } from "./account-commands";
import { clientCommands, portChanged } from "./clients";
import { keyCommands } from "./key-commands";
import { refuse } from "./refuse";
import { DEFAULT_SCENARIO, type Scenario } from "./scenario";
import { MockState } from "./state";

type Table = { [N in CommandName]: (args: CommandArgs<N>) => CommandResult<N> };

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

  private readonly table: Table = {
    ...clientCommands(() => this.state),
    ...accountCommands(() => this.state),
    ...keyCommands(
      () => this.state,
      () => this.scenario,
    ),
    status: () => this.state.status(),
    overview: () => this.state.overview(this.scenario.live ? Date.now() : this.scenario.now),
    "clipboard.copy": ({ text }) => {
      if (!this.desktop) refuse("desktop_only", "this is the headless program");
      this.state.clipboard = text;
      return null;
    },
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
      configured: this.state.hasUpdateAddress,
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
