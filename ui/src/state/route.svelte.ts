// The route: the page in the address after `#/`, so that Back works and the tray can link to a page.

export const PAGES = ["overview", "accounts", "requests", "models", "clients", "settings"] as const;
export type Page = (typeof PAGES)[number];

export class Route {
  page = $state<Page>("overview");
  /** The path after the page, as in `#/accounts/add`. */
  rest = $state("");

  constructor() {
    this.read();
    addEventListener("hashchange", () => this.read());
  }

  go(page: Page, rest = ""): void {
    location.hash = rest ? `#/${page}/${rest}` : `#/${page}`;
  }

  private read(): void {
    const [page = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/");
    this.page = (PAGES as readonly string[]).includes(page) ? (page as Page) : "overview";
    this.rest = rest.join("/");
  }
}
