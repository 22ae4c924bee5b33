// This file was generated from the table of commands in Rust. Do not edit it by hand.
import type { AccountView } from "./AccountView";
import type { CheckView } from "./CheckView";
import type { Finding } from "./Finding";
import type { KeyView } from "./KeyView";
import type { ModelView } from "./ModelView";
import type { Overview } from "./Overview";
import type { Page } from "./Page";
import type { Query } from "./Query";
import type { Record } from "./Record";
import type { Status } from "./Status";
import type { Switched } from "./Switched";

/** Name, arguments and answer of each command. */
export interface Commands {
  "status": [{}, Status];
  "overview": [{}, Overview];
  "accounts.list": [{}, Array<AccountView>];
  "accounts.check": [{ label?: string | null, }, Array<CheckView>];
  "accounts.add": [{ label: string, secret: string, }, CheckView];
  "accounts.enable": [{ label: string, enabled: boolean, }, null];
  "accounts.remove": [{ label: string, }, null];
  "keys.list": [{ reveal?: boolean | null, }, Array<KeyView>];
  "keys.add": [{ name: string, }, KeyView];
  "keys.revoke": [{ name: string, }, null];
  "models.list": [{}, Array<ModelView>];
  "models.refresh": [{}, Array<ModelView>];
  "models.set_alias": [{ 
/**
 * What clients send; a `*` at its end stands for anything.
 */
name: string, 
/**
 * The model that is asked instead.
 */
target: string, }, null];
  "models.remove_alias": [{ name: string, }, null];
  "port.switch": [{ port: number, }, Switched];
  "log.latest": [Query, Array<Record>];
  "log.clear": [{}, number];
  "window.open": [{ page?: Page, }, null];
  "doctor": [{}, Array<Finding>];
}
