// What the control interface says and is asked: the shapes come from Rust. Times are Unix milliseconds, costs US dollars.

import type { AccountView } from "./generated/AccountView";
import type { Bodies } from "./generated/Bodies";
import type { CheckView } from "./generated/CheckView";
import type { Explained } from "./generated/Explained";
import type { Finding } from "./generated/Finding";
import type { KeyView } from "./generated/KeyView";
import type { Kind } from "./generated/Kind";
import type { ModelView } from "./generated/ModelView";
import type { Overview } from "./generated/Overview";
import type { Query } from "./generated/Query";
import type { Record } from "./generated/Record";
import type { SecretsView } from "./generated/SecretsView";
import type { SettingView } from "./generated/SettingView";
import type { Status } from "./generated/Status";
import type { TryView } from "./generated/TryView";

export type { AccountView } from "./generated/AccountView";
export type { Attempt } from "./generated/Attempt";
export type { Bodies } from "./generated/Bodies";
export type { CheckView } from "./generated/CheckView";
export type { ControlError } from "./generated/ControlError";
export type { ControlEvent } from "./generated/ControlEvent";
export type { ErrorCode } from "./generated/ErrorCode";
export type { ErrorLine } from "./generated/ErrorLine";
export type { Explained } from "./generated/Explained";
export type { Finding } from "./generated/Finding";
export type { KeyView } from "./generated/KeyView";
export type { Kind } from "./generated/Kind";
export type { LimitView } from "./generated/LimitView";
export type { Minute } from "./generated/Minute";
export type { ModelView } from "./generated/ModelView";
export type { Notice } from "./generated/Notice";
export type { Overview } from "./generated/Overview";
export type { Query } from "./generated/Query";
export type { Record } from "./generated/Record";
export type { SecretsView } from "./generated/SecretsView";
export type { SettingView } from "./generated/SettingView";
export type { Status } from "./generated/Status";
export type { TryView } from "./generated/TryView";

// ---- commands: name, arguments, result
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
  "doctor": [{}, Finding[]];
}
