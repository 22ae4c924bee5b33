// Sections of the settings page. A setting that is missing here is shown at the end, by its name.

import type { SettingView } from "../control/types";

export const SECTIONS = {
  network: ["port", "host", "allowed_hosts", "allowed_origins", "keyless_port", "proxy", "no_proxy", "extra_ca_file"],
  routing: ["strategy", "prefer", "nearest_models", "fill_max_tokens", "layout", "image_links"],
  log: ["log_days", "log_max_bytes", "keep_bodies", "log"],
  appearance: ["language", "theme", "tray_icon", "autostart"],
  notifications: ["notify_limited", "notify_back", "notify_login", "notify_all_limited", "notify_port"],
} as const;

export type Section = keyof typeof SECTIONS;
export type SettingName = (typeof SECTIONS)[Section][number];

const KNOWN: readonly string[] = Object.values(SECTIONS).flat();

export function isKnown(name: string): name is SettingName {
  return KNOWN.includes(name);
}

/** The settings of a section that the program has, in the section's order. */
export function inSection(settings: SettingView[], section: Section): SettingView[] {
  return SECTIONS[section].flatMap((name) => settings.find((one) => one.name === name) ?? []);
}

export function unknown(settings: SettingView[]): SettingView[] {
  return settings.filter((one) => !isKnown(one.name));
}

/** The choices that have texts. */
export const CHOICES = {
  strategy: ["balance", "fill-first", "reset-soonest"],
  prefer: ["api", "web", "only-api", "only-web"],
  layout: ["turns", "transcript"],
  theme: ["auto", "light", "dark"],
  tray_icon: ["auto", "light", "dark", "colour"],
} as const;

export type Choice = { [name in keyof typeof CHOICES]: `${name}.${(typeof CHOICES)[name][number]}` }[keyof typeof CHOICES];

export function isChoice(key: string): key is Choice {
  return Object.entries(CHOICES).some(([name, values]) => values.some((value) => key === `${name}.${value}`));
}

/** Whether a setting is fixed by the environment or a flag, and cannot be changed here. */
export function isFixed(setting: SettingView): boolean {
  return setting.from === "environment" || setting.from === "flag";
}
