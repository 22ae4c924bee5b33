// Language and theme. They come from the program's settings and are kept here too, for the page before the sign-in.

import type { Status } from "../control/types";

type Theme = Status["theme"];
type Language = Status["language"];

const THEMES: readonly string[] = ["auto", "light", "dark"];
const LANGUAGES: readonly string[] = ["auto", "en", "zh", "fr"];

class Look {
  language = $state<Language>(kept("language", LANGUAGES) as Language);
  theme = $state<Theme>(kept("theme", THEMES) as Theme);

  /** Takes over what the program says. */
  follow(status: Pick<Status, "language" | "theme">): void {
    if (status.language !== this.language) this.setLanguage(status.language);
    if (status.theme !== this.theme) this.setTheme(status.theme);
  }

  setLanguage(language: Language): void {
    this.language = language;
    keep("language", language);
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    keep("theme", theme);
  }
}

export const look = new Look();

/** The stored choice is only a convenience: a browser may refuse to keep anything. */
function kept(name: string, known: readonly string[]): string {
  try {
    const value = localStorage.getItem(name) ?? "auto";
    return known.includes(value) ? value : "auto";
  } catch {
    return "auto";
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Nothing is lost: the program knows it.
  }
}
