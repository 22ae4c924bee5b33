// The mock's settings: the program's declarations, some of them changed.

import { SETTINGS } from "../src/control/generated/settings";
import type { SettingView } from "../src/control/types";

export function settings(language: string, theme: string): SettingView[] {
  const changed: { [name: string]: Partial<SettingView> } = {
    language: { value: language },
    theme: { value: theme },
    log_days: { value: 14, from: "file" },
    allowed_hosts: { value: ["proxy.lan"], from: "environment" },
  };
  return SETTINGS.map(({ name, kind, default: value, choices, live }) => {
    const copy = typeof value === "object" ? [...value] : value;
    return { name, kind, value: copy, default: copy, choices: [...choices], from: "default", live, ...changed[name] };
  });
}
