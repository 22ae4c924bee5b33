// What the fake plays. `?scene=empty&lang=fr&theme=dark` in the address chooses it.

export interface Scene {
  /** What the program is like. */
  name: "full" | "empty" | "demo" | "stopped" | "broken" | "loading" | "signed-out" | "welcome" | "hostile";
  /** How many requests the log holds. */
  records: number;
  /** Whether requests keep coming. */
  lively: boolean;
  language: "auto" | "en" | "zh" | "fr";
  theme: "auto" | "light" | "dark";
  desktop: boolean;
  now: number;
}

export const QUIET: Scene = {
  name: "full",
  records: 400,
  lively: false,
  language: "en",
  theme: "auto",
  desktop: false,
  now: Date.UTC(2026, 10, 20, 14, 32, 10),
};

export function scene(search: string): Scene {
  const asked = new URLSearchParams(search);
  const pick = <T extends string>(name: string, or: T) => (asked.get(name) ?? or) as T;
  return {
    name: pick("scene", QUIET.name),
    records: Number(asked.get("records") ?? QUIET.records),
    lively: asked.has("lively"),
    language: pick("lang", QUIET.language),
    theme: pick("theme", QUIET.theme),
    desktop: asked.has("desktop"),
    now: Date.now(),
  };
}
