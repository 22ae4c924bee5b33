// What the control interface says and is asked: the shapes come from Rust. Times are Unix milliseconds, costs US dollars.

export type { AccountView } from "./generated/AccountView";
export type { Attempt } from "./generated/Attempt";
export type { Bodies } from "./generated/Bodies";
export type { CheckView } from "./generated/CheckView";
export type { Commands } from "./generated/Commands";
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
