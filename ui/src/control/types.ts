// What the control interface says and is asked. Names are as the program writes them; times are Unix milliseconds, costs
// US dollars.

// ---- views -------------------------------------------------------------------------------------------------------
export type Kind = "web" | "api";
export type AccountState = "ready" | "limited" | "needs_login" | "unreachable" | "disabled" | "starting" | "locked" | "unreadable";
export interface LimitView { scope: string; reason: "quota" | "throttled"; until_ms: number; seconds_left: number }
export interface AccountView {
  id: string; label: string; kind: Kind; origin: "environment" | "stored" | "demo";
  state: AccountState; advice: string | null; limits: LimitView[]; running: number;
  quota_percent: number | null; spend_cents: number | null;
  by_family: [string, number][];             // spend by model family, cents
  budget_usd: number | null; spent_usd: number | null; budget_reset_ms: number | null; // API keys
  downgrades: [string, string][];            // family, lighter model that answered
  last_used_ms: number | null; email: string | null; plan: string | null;
  only: boolean;                             // "use only this" is on for it
}
export interface Notice { id: string; severity: "info" | "warning" | "error"; text: string; place: "accounts" | "requests" | "settings" | null }
export interface Status {
  version: string; pid: number; demo: boolean; desktop: boolean;
  serving: boolean;                          // false while the user has stopped it
  state: "serving" | "busy" | "limited" | "stopped" | "error" | "no_account";
  why: string;                               // one sentence
  address: string; base_url: string; connections: number; running: number; started_ms: number;
  accounts: AccountView[]; strategy: "balance" | "fill-first" | "reset-soonest"; prefer: "api" | "web" | "only-api" | "only-web";
  log_recorded: number; log_dropped: number; bodies_kept: boolean;
  notices: Notice[]; data_dir: string; web_url: string; api_url: string; last_error: ErrorLine | null;
  welcomed: boolean; terms_accepted: boolean; language: "auto" | "en" | "zh" | "fr"; theme: "auto" | "light" | "dark";
}
export interface ErrorLine { time_ms: number; code: string; model: string; account: string | null; request_id: string; advice: string }
export interface Minute { time_ms: number; requests: number; failed: number; first_byte_ms: number | null } // p50 of the minute
export interface Overview {
  minutes: Minute[];                          // the last 60, oldest first
  today: { requests: number; failed: number; prompt_tokens: number; completion_tokens: number; tokens_estimated: boolean; cost_usd: number; cost_estimated: boolean };
  last_errors: ErrorLine[];
}
export interface Attempt { account: string; why: string; outcome: string; status: number | null; detail: string | null; ms: number }
export interface Record {
  id: number; time_ms: number; request_id: string; client: string; dialect: string; model_asked: string; model_served: string | null;
  account: string | null; attempts: Attempt[]; status: number; code: string | null; fault: "client" | "upstream" | "proxy" | null;
  bytes_in: number; bytes_out: number; prompt_tokens: number | null; completion_tokens: number | null; tokens_estimated: boolean;
  cost_usd: number | null; note: string | null; first_byte_ms: number | null; duration_ms: number; stream: boolean; interrupted: boolean;
}
export interface Query {
  before_id?: number; after_id?: number; limit?: number; failed_only?: boolean; account?: string; client?: string; model?: string;
  dialect?: string; status?: number; since_ms?: number; until_ms?: number; text?: string;
}
export interface Bodies { request: string; response: string; cut: boolean }
export interface KeyView {
  name: string; origin: string; key: string | null; last_used_ms: number | null;
  models: string[]; daily_tokens: number | null; daily_cost_usd: number | null; today_tokens: number; today_cost_usd: number;
}
export interface ModelView {
  id: string; owner: string; by: Kind[]; served_now: boolean; why: string; alias_of: string | null;
  context: number | null; max_output: number | null; input_cost: number | null; output_cost: number | null; // $ per million tokens
  vision: boolean | null; tools: boolean | null; reasoning: boolean | null;
}
export interface Explained { model: string; account: string | null; why: string; others: { label: string; why: string }[] }
export interface CheckView { label: string; ok: boolean; message: string; unread: boolean; email: string | null; plan: string | null; quota_percent: number | null }
export interface SettingView {
  name: string; kind: "text" | "number" | "switch" | "choice" | "list"; value: string | number | boolean | string[];
  default: string | number | boolean | string[]; choices: string[]; from: "default" | "file" | "environment" | "flag"; // environment and flag cannot be changed here
  live: boolean;                              // takes effect at once; else at the next start
}
// names in settings.get: port, host, strategy, prefer, log_days, log_max_bytes, keep_bodies, language, theme, allowed_hosts, allowed_origins, log,
// notify_limited, notify_back, notify_login, notify_all_limited, notify_port, image_links, layout, fill_max_tokens, nearest_models, keyless_port (0 = off), autostart (desktop)
export interface SecretsView { place: "keychain" | "file" | "memory"; state: "open" | "locked" | "missing" | "denied" | "hung"; advice: string | null }
export interface TryView { status: number; text: string; model: string | null; account: string | null; attempts: number; first_byte_ms: number; duration_ms: number; error: string | null }

// ---- commands: name, arguments -> result ---------------------------------------------------------------------------
export interface Commands {
  "status": [{}, Status];
  "overview": [{}, Overview];
  "accounts.list": [{}, AccountView[]];
  "accounts.check": [{ label?: string }, CheckView[]];
  "accounts.add": [{ label?: string; kind: Kind; secret: string }, CheckView];   // `secret` may be a bare value, a whole Cookie: header, a JSON export, a cURL command; label made from the e-mail if missing; duplicates merged (the known account is told)
  "accounts.replace": [{ label: string; secret: string }, CheckView];             // sign in again
  "accounts.import": [{ text: string }, CheckView[]];                              // the original's .env
  "accounts.sign_in": [{ label?: string }, CheckView];                             // desktop only: opens the login window, ends when it is closed
  "accounts.rename": [{ label: string; to: string }, null];
  "accounts.order": [{ labels: string[] }, null];
  "accounts.enable": [{ label: string; enabled: boolean }, null];
  "accounts.only": [{ label: string | null }, null];
  "accounts.remove": [{ label: string }, null];
  "accounts.explain": [{ model: string }, Explained];
  "keys.list": [{ reveal?: boolean }, KeyView[]];
  "keys.add": [{ name: string; models?: string[]; daily_tokens?: number; daily_cost_usd?: number }, KeyView];   // the only answer that holds the new key
  "keys.change": [{ name: string; models: string[]; daily_tokens: number | null; daily_cost_usd: number | null }, null];
  "keys.revoke": [{ name: string }, null];
  "keys.replace_main": [{}, KeyView];
  "models.list": [{}, ModelView[]];
  "models.refresh": [{}, ModelView[]];
  "models.set_alias": [{ name: string; target: string }, null];
  "models.remove_alias": [{ name: string }, null];
  "try": [{ model: string; text: string }, TryView];          // one real request through the proxy
  "log.latest": [Query, Record[]];
  "log.get": [{ id: number }, Record];
  "log.count": [Query, number];
  "log.bodies": [{ id: number }, Bodies];
  "log.export": [{ format: "csv" | "jsonl" | "har"; query?: Query }, { name: string; media_type: string; text: string }];
  "log.clear": [{}, number];
  "port.switch": [{ port: number }, { address: string }];
  "port.free": [{}, { port: number }];
  "serving.set": [{ on: boolean }, null];
  "settings.get": [{}, SettingView[]];
  "settings.set": [{ name: string; value: string | number | boolean | string[] | null }, SettingView]; // null = back to the default
  "settings.welcomed": [{}, null];
  "settings.accept_terms": [{}, null];
  "secrets.state": [{}, SecretsView];
  "secrets.unlock": [{}, SecretsView];                          // may make the system ask for the password
  "doctor": [{}, unknown];
}
export type ErrorCode = "unknown_command" | "bad_arguments" | "not_found" | "exists" | "port_taken" | "not_saved" | "keychain" | "upstream" | "starting" | "desktop_only" | "terms" | "cancelled" | "fixed_by_environment" | "internal";
export interface ControlError { code: ErrorCode; message: string }

// ---- events: `GET /control/events` (server-sent events), or the Tauri event "control" with {event, data} -----------
export interface Events { record: Record; status: Status /* at most twice a second, on change */ }

