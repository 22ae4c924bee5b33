// The mock's settings.

import type { SettingView } from "../src/control/types";

type Value = SettingView["value"];

const setting = (name: string, kind: SettingView["kind"], value: Value, more: Partial<SettingView> = {}): SettingView => ({
  name,
  kind,
  value,
  default: value,
  choices: [],
  from: "default",
  live: true,
  ...more,
});

export function settings(language: string, theme: string): SettingView[] {
  const choice = (name: string, value: string, choices: string[], more: Partial<SettingView> = {}) =>
    setting(name, "choice", value, { choices, ...more });
  const on = (name: string, value = true) => setting(name, "switch", value);
  return [
    setting("port", "number", 3000),
    setting("host", "text", "127.0.0.1", { live: false }),
    choice("strategy", "balance", ["balance", "fill-first", "reset-soonest"]),
    choice("prefer", "api", ["api", "web", "only-api", "only-web"]),
    setting("log_days", "number", 30, { from: "file", default: 14 }),
    setting("log_max_bytes", "number", 268_435_456),
    on("keep_bodies", false),
    choice("language", language, ["auto", "en", "zh", "fr"]),
    choice("theme", theme, ["auto", "light", "dark"]),
    choice("tray_icon", "auto", ["auto", "light", "dark", "colour"]),
    setting("allowed_hosts", "list", ["proxy.lan"], { default: [], from: "environment" }),
    setting("allowed_origins", "list", []),
    setting("proxy", "text", ""),
    setting("no_proxy", "list", []),
    setting("extra_ca_file", "text", ""),
    setting("log", "text", "info"),
    on("notify_limited"),
    on("notify_back"),
    on("notify_login"),
    on("notify_all_limited"),
    on("notify_port"),
    on("image_links"),
    choice("layout", "turns", ["turns", "transcript"]),
    on("fill_max_tokens"),
    on("nearest_models", false),
    setting("keyless_port", "number", 0),
    on("autostart", false),
  ];
}
