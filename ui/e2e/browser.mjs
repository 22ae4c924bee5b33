// Chromium, and what every page must keep to while a test uses it.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { chromium } from "playwright-core";

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const SCREENSHOTS = process.env.SCREENSHOTS ?? join(import.meta.dirname, "../../target/screenshots");
const LIMIT_MS = Number(process.env.E2E_LIMIT_MS ?? 60_000);

export const PAGES = ["overview", "accounts", "requests", "models", "clients", "settings"];

export class Browser {
  static async start() {
    const browser = new Browser();
    browser.chromium = await chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
    return browser;
  }

  /** A page in a profile of its own. What breaks the policy, fails or calls elsewhere is collected in `page.wrongs`. */
  async page(program, { width = 1400, height = 900, theme = "light", language = "en-US" } = {}) {
    const context = await this.chromium.newContext({ viewport: { width, height }, colorScheme: theme, locale: language, reducedMotion: "reduce", acceptDownloads: true });
    const page = await context.newPage();
    page.setDefaultTimeout(LIMIT_MS);
    page.wrongs = [];
    page.on("pageerror", (error) => page.wrongs.push(`error: ${error.message}`));
    page.on("request", (request) => {
      if (!request.url().startsWith("blob:") && new URL(request.url()).hostname !== "127.0.0.1") page.wrongs.push(`call to ${request.url()}`);
    });
    // The window freezes the prototypes too; a policy that is broken says so in an event.
    await page.addInitScript(() => {
      Object.freeze(Object.prototype);
      window.refused = [];
      addEventListener("securitypolicyviolation", (event) => window.refused.push(`${event.violatedDirective} ${event.blockedURI}`));
    });
    page.open = (place = "") => page.goto(`${program.url}/#/${place}`);
    return page;
  }

  async signedIn(program, options) {
    const page = await this.page(program, options);
    await page.open();
    await page.locator("input[type=password]").fill(program.token);
    await page.keyboard.press("Enter");
    // The sign-in page has a heading too.
    await page.locator("input[type=password]").waitFor({ state: "detached" });
    await page.locator("h1").waitFor();
    return page;
  }

  stop() {
    return this.chromium.close();
  }
}

/** Nothing went wrong on this page, and it is no longer needed. */
export async function close(page) {
  assert.deepEqual(page.wrongs, []);
  assert.deepEqual(await page.evaluate(() => window.refused), []);
  await page.context().close();
}

export async function picture(page, name) {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}

/** Past the welcome, as most pages are seen. */
export async function welcomed(program) {
  if (!(await program.control("status")).welcomed) await program.control("settings.welcomed");
}
