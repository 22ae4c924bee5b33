// Sections of the settings page, from the program's declarations. A setting that is not declared is shown at the end, by its name.

import { SETTINGS } from "../control/generated/settings";
import type { SettingView } from "../control/types";

type Declared = (typeof SETTINGS)[number];
/** The choices that have texts: languages are shown by their own names. */
type Choices = Exclude<Extract<Declared, { kind: "choice" }>, { name: "language" }>;

export type Section = Declared["section"];
export type SettingName = Declared["name"];
export type Choice = { [D in Choices as D["name"]]: `${D["name"]}.${D["choices"][number]}` }[Choices["name"]];

/** The names of each section's settings, in the order of the page. */
export const SECTIONS: { [name in Section]: SettingName[] } = {
  general: [],
  network: [],
  routing: [],
  log: [],
  appearance: [],
  notifications: [],
};
for (const { name, section } of SETTINGS) SECTIONS[section].push(name);

/** The levels of the program's own log. A filter written into the file is kept beside them. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"];

export const BYTES_PER_MB = 1_000_000;
/** The sizes that are entered in MB: the least and the largest, as the program allows them. */
export const MB_RANGES: { [name: string]: { min: number; max: number } | undefined } = {
  log_max_bytes: { min: 1, max: 100_000 },
  stored_response_bytes: { min: 0, max: 1_000 },
};

const hasTexts = (setting: Declared): setting is Choices => setting.kind === "choice" && setting.name !== "language";

/** The words of the choices that have texts. */
export const CHOICES = Object.fromEntries(SETTINGS.filter(hasTexts).map(({ name, choices }) => [name, choices])) as {
  [D in Choices as D["name"]]: D["choices"];
};

export function isKnown(name: string): name is SettingName {
  return SETTINGS.some((one) => one.name === name);
}

/** The settings of a section that the program has, in the section's order. */
export function inSection(settings: SettingView[], section: Section): SettingView[] {
  return SECTIONS[section].flatMap((name) => settings.find((one) => one.name === name) ?? []);
}

export function unknown(settings: SettingView[]): SettingView[] {
  return settings.filter((one) => !isKnown(one.name));
}

export function isChoice(key: string): key is Choice {
  return Object.entries(CHOICES).some(([name, values]) => values.some((value) => key === `${name}.${value}`));
}

/** Whether a setting is fixed by the environment or a flag, and cannot be changed here. */
export function isFixed(setting: SettingView): boolean {
  return setting.from === "environment" || setting.from === "flag";
}
