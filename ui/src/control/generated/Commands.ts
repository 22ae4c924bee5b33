// This file was generated from the table of commands in Rust. Do not edit it by hand.
import type { AcceptedPlan } from "./AcceptedPlan";
import type { AccountView } from "./AccountView";
import type { Bodies } from "./Bodies";
import type { CallerShell } from "./CallerShell";
import type { CheckView } from "./CheckView";
import type { ClientList } from "./ClientList";
import type { ClientOutcome } from "./ClientOutcome";
import type { ClientPlan } from "./ClientPlan";
import type { DriftChoice } from "./DriftChoice";
import type { Explanation } from "./Explanation";
import type { ExportFormat } from "./ExportFormat";
import type { ExportedLog } from "./ExportedLog";
import type { Finding } from "./Finding";
import type { FreePort } from "./FreePort";
import type { IssuedKey } from "./IssuedKey";
import type { KeyView } from "./KeyView";
import type { LaunchCommand } from "./LaunchCommand";
import type { LinkOpened } from "./LinkOpened";
import type { ModelView } from "./ModelView";
import type { Overview } from "./Overview";
import type { Page } from "./Page";
import type { PortChanged } from "./PortChanged";
import type { PreparedLaunch } from "./PreparedLaunch";
import type { Query } from "./Query";
import type { RepairPlan } from "./RepairPlan";
import type { RequestRecord } from "./RequestRecord";
import type { SavedFile } from "./SavedFile";
import type { SecretsView } from "./SecretsView";
import type { SettingValue } from "./SettingValue";
import type { SettingView } from "./SettingView";
import type { Status } from "./Status";
import type { TestResult } from "./TestResult";
import type { UpdateStarted } from "./UpdateStarted";
import type { UpdateStatus } from "./UpdateStatus";
import type { UpstreamId } from "./UpstreamId";

/** Name, arguments and answer of each command. */
export interface Commands {
  "status": [{}, Status];
  "overview": [{}, Overview];
  "accounts.list": [{}, Array<AccountView>];
  "accounts.refresh": [{}, null];
  "accounts.check": [{ label?: string | null, }, Array<CheckView>];
  "accounts.add": [{ label?: string | null, kind?: UpstreamId | null, secret: string, }, CheckView];
  "accounts.replace": [{ label: string, secret: string, }, CheckView];
  "accounts.import": [{ 
/**
 * Content of a `.env` file of this program or of the original Node proxy.
 */
text: string, }, Array<CheckView>];
  "accounts.sign_in": [{ label?: string | null, }, CheckView];
  "accounts.rename": [{ label: string, to: string, }, null];
  "accounts.order": [{ labels: Array<string>, }, null];
  "accounts.enable": [{ label: string, enabled: boolean, }, null];
  "accounts.only": [{ label: string | null, }, null];
  "accounts.use_host": [{ label: string, 
/**
 * The host that the user has seen, so that no other one is confirmed.
 */
host: string, }, null];
  "accounts.remove": [{ label: string, }, null];
  "accounts.explain": [{ model: string, }, Explanation];
  "keys.list": [{ reveal?: boolean | null, }, Array<KeyView>];
  "keys.add": [{ name: string, models?: Array<string> | null, daily_tokens?: number | null, daily_cost_usd?: number | null, }, KeyView];
  "keys.change": [{ name: string, models: Array<string>, daily_tokens: number | null, daily_cost_usd: number | null, }, null];
  "keys.revoke": [{ name: string, }, null];
  "keys.replace_main": [{}, KeyView];
  "keys.issue": [{ 
/**
 * Name of the client in the request log.
 */
name: string, 
/**
 * Validity in seconds: one day by default, 30 days at most.
 */
ttl_seconds?: number | null, 
/**
 * Id of the process that the key ends with.
 */
pid?: number | null, }, IssuedKey];
  "keys.copy": [{ name: string, 
/**
 * Text to copy, with `{{MAMMOUTH_PROXY_KEY}}` as the placeholder of the key.
 */
template: string, }, null];
  "clients.list": [{ caller?: CallerShell | null, }, ClientList];
  "clients.plan": [{ client: string, model?: string | null, 
/**
 * Model for titles and summaries.
 */
small_model?: string | null, caller?: CallerShell | null, }, ClientPlan];
  "clients.apply": [{ client: string, model?: string | null, small_model?: string | null, caller?: CallerShell | null, 
/**
 * Id of the plan from `clients.plan`.
 */
plan: string, }, ClientOutcome];
  "clients.undo_plan": [{ client: string, drift?: DriftChoice | null, }, ClientPlan];
  "clients.undo": [{ client: string, drift?: DriftChoice | null, 
/**
 * Id of the plan from `clients.undo_plan`.
 */
plan: string, }, ClientOutcome];
  "clients.undo_all": [{ drift?: DriftChoice | null, }, Array<ClientOutcome>];
  "clients.repair_plan": [{}, RepairPlan];
  "clients.repair": [{ plans: Array<AcceptedPlan>, }, Array<ClientOutcome>];
  "clients.launch_command": [{ client: string, model?: string | null, }, LaunchCommand];
  "clients.launch": [{ 
/**
 * Id of the client; `None` for another program.
 */
client?: string | null, model?: string | null, small_model?: string | null, 
/**
 * Arguments of the user.
 */
arguments?: Array<string> | null, 
/**
 * Id of the process that the key ends with.
 */
pid?: number | null, 
/**
 * Whether the result is only for display: no key is created, and a masked placeholder takes its place.
 */
dry_run?: boolean | null, }, PreparedLaunch];
  "clients.link": [{ client: string, model?: string | null, small_model?: string | null, }, LinkOpened];
  "clipboard.copy": [{ text: string, }, null];
  "models.list": [{}, Array<ModelView>];
  "models.refresh": [{}, Array<ModelView>];
  "models.set_alias": [{ 
/**
 * Model name that clients send. A `*` at its end matches any text.
 */
name: string, 
/**
 * Model that is requested instead.
 */
target: string, }, null];
  "models.remove_alias": [{ name: string, }, null];
  "try": [{ model: string, text: string, 
/**
 * Id of the test. If it is set, the reply's text is also sent as events, and the test can be stopped.
 */
id?: string | null, }, TestResult];
  "try.stop": [{ id: string, }, null];
  "log.latest": [Query, Array<RequestRecord>];
  "log.get": [{ id: number, }, RequestRecord];
  "log.count": [Query, number];
  "log.bodies": [{ id: number, }, Bodies];
  "log.export": [{ format: ExportFormat, query?: Query | null, }, ExportedLog];
  "log.save": [{ format: ExportFormat, query?: Query | null, }, SavedFile | null];
  "log.show_saved": [{}, null];
  "log.clear": [{}, number];
  "port.switch": [{ port: number, }, PortChanged];
  "port.free": [{}, FreePort];
  "serving.set": [{ on: boolean, }, null];
  "program.stop": [{}, null];
  "settings.get": [{}, Array<SettingView>];
  "settings.set": [{ name: string, 
/**
 * New value; `null` restores the default.
 */
value: SettingValue | null, }, SettingView];
  "settings.welcomed": [{}, null];
  "settings.accept_terms": [{}, null];
  "secrets.state": [{}, SecretsView];
  "secrets.unlock": [{}, SecretsView];
  "updates.status": [{}, UpdateStatus];
  "updates.check": [{}, UpdateStatus];
  "updates.install": [{}, UpdateStarted];
  "window.open": [{ page?: Page, }, null];
  "doctor": [{}, Array<Finding>];
}
