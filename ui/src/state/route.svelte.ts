// The route: the page in the address after `#/`, so that Back works and the tray can link to a page.

export class Route {
  /** Id of the current page. */
  page = $state("");
  /** The path after the page, as in `#/accounts/add`. */
  rest = $state("");

  /** `pages` are the known ids; the first is shown for any other address. */
  constructor(private readonly pages: readonly string[]) {
    this.read();
    addEventListener("hashchange", () => this.read());
  }

  go(page: string, rest = ""): void {
    location.hash = rest ? `#/${page}/${rest}` : `#/${page}`;
  }

  private read(): void {
    const [page = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/");
    this.page = this.pages.includes(page) ? page : (this.pages[0] ?? "");
    this.rest = rest.join("/");
  }
}
