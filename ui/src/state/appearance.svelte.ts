// Language and theme. They come from the program's settings and are also stored here, for the sign-in page.

import type { Status } from "../control/types";

type Theme = Status["theme"];
type Language = Status["language"];

const THEMES: readonly string[] = ["auto", "light", "dark"];
const LANGUAGES: readonly string[] = ["auto", "en", "zh", "fr"];

class Appearance {
  language = $state<Language>(readStored("language", LANGUAGES) as Language);
  theme = $state<Theme>(readStored("theme", THEMES) as Theme);

  /** Applies the program's settings. */
  apply(status: Pick<Status, "language" | "theme">): void {
    if (status.language !== this.language) this.setLanguage(status.language);
    if (status.theme !== this.theme) this.setTheme(status.theme);
  }

  setLanguage(language: Language): void {
    this.language = language;
    store("language", language);
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    store("theme", theme);
  }
}

export const appearance = new Appearance();

/** A stored value is optional: a browser may refuse storage. */
function readStored(name: string, known: readonly string[]): string {
  try {
    const value = localStorage.getItem(name) ?? "auto";
    return known.includes(value) ? value : "auto";
  } catch {
    return "auto";
  }
}

function store(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Nothing is lost: the program has the setting.
  }
}
