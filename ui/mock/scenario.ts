// The mock's scenario, chosen in the address: `?scenario=empty&lang=fr&theme=dark`.

export interface Scenario {
  /** State of the simulated program. */
  name: "full" | "empty" | "demo" | "stopped" | "broken" | "loading" | "signed-out" | "welcome" | "hostile" | "update";
  /** Number of requests in the log. */
  records: number;
  /** Whether new requests keep arriving. */
  live: boolean;
  language: "auto" | "en" | "zh" | "fr";
  theme: "auto" | "light" | "dark";
  desktop: boolean;
  now: number;
}

export const DEFAULT_SCENARIO: Scenario = {
  name: "full",
  records: 400,
  live: false,
  language: "en",
  theme: "auto",
  desktop: false,
  now: Date.UTC(2026, 10, 20, 14, 32, 10),
};

export function scenario(search: string): Scenario {
  const asked = new URLSearchParams(search);
  const pick = <T extends string>(name: string, or: T) => (asked.get(name) ?? or) as T;
  return {
    name: pick("scenario", DEFAULT_SCENARIO.name),
    records: Number(asked.get("records") ?? DEFAULT_SCENARIO.records),
    live: asked.has("live"),
    language: pick("lang", DEFAULT_SCENARIO.language),
    theme: pick("theme", DEFAULT_SCENARIO.theme),
    desktop: asked.has("desktop"),
    now: Date.now(),
  };
}
