// The mock's state, and the views of it that the control API returns.

import type {
  AccountView,
  ClientEntry,
  ErrorLine,
  KeyView,
  Minute,
  ModelView,
  Notice,
  Overview,
  Query,
  RequestRecord,
  SavedFile,
  SettingView,
  Status,
} from "../src/control/types";
import { isFailed } from "../src/state/records";
import { matches } from "../src/control/matches";
import { accounts, keys, models } from "./accounts";
import { mockClients } from "./clients";
import type { Scenario } from "./scenario";
import { settings } from "./settings";
import { record } from "./requests";

const MINUTE = 60_000;

export class MockState {
  accounts: AccountView[];
  keys: KeyView[];
  models: ModelView[];
  clients: ClientEntry[] = mockClients();
  settings: SettingView[];
  records: RequestRecord[];
  serving: boolean;
  port = 3000;
  welcomed: boolean;
  terms = false;
  /** Whether the build has an address for updates. */
  hasUpdateAddress: boolean;
  /** Content of the system clipboard. */
  clipboard: string | null = null;
  /** The last saved export. */
  saved: SavedFile | null = null;
  private next: number;

  constructor(readonly scenario: Scenario) {
    const isEmpty = scenario.name === "empty" || scenario.name === "welcome";
    this.accounts = isEmpty ? [] : accounts(scenario.now);
    this.keys = isEmpty ? keys(scenario.now).slice(0, 1) : keys(scenario.now);
    this.models = isEmpty ? [] : models();
    this.settings = settings(scenario.language, scenario.theme);
    this.serving = scenario.name !== "stopped";
    this.welcomed = scenario.name !== "welcome";
    this.hasUpdateAddress = scenario.name === "update" || scenario.name === "welcome";
    const count = isEmpty ? 0 : scenario.records;
    this.records = Array.from({ length: count }, (_, i) => record(i + 1, scenario.now - (count - i) * 7_300));
    this.next = count + 1;
    if (scenario.name === "hostile") this.useHostileTexts();
    if (scenario.name === "demo") this.accounts = this.accounts.map((one) => ({ ...one, origin: "demo" as const }));
  }

  receiveRequest(now: number): RequestRecord {
    const made = record(this.next++, now);
    this.records.push(made);
    return made;
  }

  setting(name: string): SettingView | undefined {
    return this.settings.find((one) => one.name === name);
  }

  status(): Status {
    const ready = this.accounts.filter((one) => one.state === "ready");
    const state = this.state(ready.length);
    return {
      version: "0.3.0",
      pid: 4211,
      demo: this.scenario.name === "demo",
      desktop: this.scenario.desktop,
      serving: this.serving,
      state,
      reason: REASONS[state],
      address: `127.0.0.1:${this.port}`,
      base_url: `http://127.0.0.1:${this.port}/v1`,
      connections: 5,
      running: this.accounts.reduce((sum, one) => sum + one.running, 0),
      started_ms: this.scenario.now - 5.2 * 3_600_000,
      accounts: this.accounts,
      strategy: this.setting("strategy")?.value as Status["strategy"],
      prefer: this.setting("prefer")?.value as Status["prefer"],
      log_recorded: this.records.length,
      log_dropped: 0,
      bodies_kept: this.setting("keep_bodies")?.value === true,
      notices: this.notices(),
      data_dir: "/home/ana/.local/share/mammouth-proxy",
      web_url: "https://mammouth.ai",
      api_url: "https://api.mammouth.ai",
      last_error: this.errors()[0] ?? null,
      welcomed: this.welcomed,
      terms_accepted: this.terms,
      language: this.setting("language")?.value as Status["language"],
      theme: this.setting("theme")?.value as Status["theme"],
      tray_icon: this.setting("tray_icon")?.value as Status["tray_icon"],
    };
  }

  overview(now: number): Overview {
    const day = this.records.filter((one) => one.time_ms > now - 86_400_000);
    const sum = (of: (one: RequestRecord) => number | null) => day.reduce((total, one) => total + (of(one) ?? 0), 0);
    return {
      minutes: this.minutes(now),
      today: {
        requests: day.length,
        failed: day.filter(isFailed).length,
        prompt_tokens: sum((one) => one.prompt_tokens),
        completion_tokens: sum((one) => one.completion_tokens),
        tokens_estimated: true,
        cost_usd: sum((one) => one.cost_usd),
        billed_usd: sum((one) => (one.unbilled ? 0 : one.cost_usd)),
        cost_estimated: true,
      },
      last_errors: this.errors().slice(0, 5),
      turned_away: this.records.length > 0 ? [{ code: "invalid_api_key", count: 3, last_ms: now - 40_000 }] : [],
    };
  }

  /** The log records that match a query, newest first. */
  found(query: Query): RequestRecord[] {
    const fits = this.records.filter((one) => matches(one, query));
    return fits.reverse().slice(0, query.limit ?? 200);
  }

  count(query: Query): number {
    return this.records.reduce((sum, one) => sum + (matches(one, query) ? 1 : 0), 0);
  }

  private state(ready: number): Status["state"] {
    if (!this.serving) return "stopped";
    if (this.scenario.name === "broken") return "error";
    if (this.accounts.length === 0) return "no_account";
    return ready === 0 ? "limited" : "serving";
  }

  private notices(): Notice[] {
    const port = Number(this.setting("keyless_port")?.value);
    if (port === 0) return [];
    return [{ id: "without-key", severity: "warning", text: "", said: { what: "keyless", port }, place: "settings" }];
  }

  private errors(): ErrorLine[] {
    const failed = this.records.filter(isFailed).reverse();
    return failed.map((one) => ({
      time_ms: one.time_ms,
      code: one.code ?? "stream_interrupted",
      message: one.message,
      model: one.model_asked,
      account: one.account,
      request_id: one.request_id,
    }));
  }

  private minutes(now: number): Minute[] {
    const start = Math.floor(now / MINUTE) * MINUTE - 59 * MINUTE;
    return Array.from({ length: 60 }, (_, i) => {
      const from = start + i * MINUTE;
      const of = this.records.filter((one) => one.time_ms >= from && one.time_ms < from + MINUTE);
      const firsts = of.flatMap((one) => one.first_byte_ms ?? []).sort((a, b) => a - b);
      return { time_ms: from, requests: of.length, failed: of.filter(isFailed).length, first_byte_ms: firsts[firsts.length >> 1] ?? null };
    });
  }

  /** Replaces texts by markup and script, which the page must show as plain text. */
  private useHostileTexts(): void {
    const bad = '<img src=x onerror="window.pwned=1"><svg onload=window.pwned=1>[x](javascript:window.pwned=1)';
    this.accounts = this.accounts.map((one) => ({
      ...one,
      label: `${one.label} ${bad}`,
      email: bad,
      advice: { what: "read_secret" as const, detail: { what: "other" as const, detail: bad } },
    }));
    this.models = this.models.map((one) => ({ ...one, id: `${one.id} ${bad}` }));
    this.records = this.records.map((one) => ({ ...one, model_asked: bad, account: bad, code: one.status >= 400 ? bad : null, note: bad }));
    this.keys = this.keys.map((one) => ({ ...one, name: `${one.name} ${bad}` }));
  }
}

const REASONS: { [state in Status["state"]]: Status["reason"] } = {
  serving: "ready",
  busy: "running",
  limited: "limited",
  stopped: "stopped_by_user",
  error: "unreachable",
  no_account: "no_account",
};
