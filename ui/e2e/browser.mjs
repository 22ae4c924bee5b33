// Chromium, and the checks that hold for every page.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { chromium } from "playwright-core";

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const SCREENSHOTS = process.env.SCREENSHOTS ?? join(import.meta.dirname, "../../target/screenshots");
const LIMIT_MS = Number(process.env.E2E_LIMIT_MS ?? 60_000);

export const PAGES = ["overview", "accounts", "requests", "models", "clients", "settings"];

export class Browser {
  static async start() {
    const browser = new Browser();
    browser.chromium = await chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
    return browser;
  }

  /** A page in its own profile. Errors and calls to other hosts are collected in `page.problems`. */
  async page(program, { width = 1400, height = 900, theme = "light", language = "en-US" } = {}) {
    const context = await this.chromium.newContext({
      viewport: { width, height },
      colorScheme: theme,
      locale: language,
      reducedMotion: "reduce",
      acceptDownloads: true,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(LIMIT_MS);
    page.problems = [];
    page.on("pageerror", (error) => page.problems.push(`error: ${error.message}`));
    page.on("request", (request) => {
      if (!request.url().startsWith("blob:") && new URL(request.url()).hostname !== "127.0.0.1")
        page.problems.push(`call to ${request.url()}`);
    });
    // The desktop window freezes prototypes too; violations of the policy are reported as events.
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
    // The sign-in page has an h1 too.
    await page.locator("input[type=password]").waitFor({ state: "detached" });
    await page.locator("h1").waitFor();
    return page;
  }

  stop() {
    return this.chromium.close();
  }
}

/** Asserts that no problem was reported, and closes the page. */
export async function close(page) {
  assert.deepEqual(page.problems, []);
  assert.deepEqual(await page.evaluate(() => window.refused), []);
  await page.context().close();
}

export async function screenshot(page, name) {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}

/** Completes the welcome. */
export async function completeWelcome(program) {
  if (!(await program.control("status")).welcomed) await program.control("settings.welcomed");
}
