// Every page of the real program in demo mode: rendered, checked by axe, in both themes and several sizes.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";

import { Browser, close, PAGES, screenshot, completeWelcome } from "./browser.mjs";
import { clipped } from "./clipped.mjs";
import { Program } from "./program.mjs";

const AXE = await readFile(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

const LONG_LABEL = "ana.silva-de-oliveira-e-castro at work";
const LONG_MODEL = "anthropic-claude-sonnet-4-5-20250929-extended-thinking-preview";

describe("every page", () => {
  let program, browser;

  before(async () => {
    [program, browser] = await Promise.all([Program.start(), Browser.start()]);
    await completeWelcome(program);
    for (const model of ["gpt-5", "claude-sonnet-4-20250514", "gpt-5", "grok-4", "gpt-5-mini"]) await program.chat(model);
  });

  after(async () => {
    await browser?.stop();
    assert.equal(await program?.stop(), 0);
  });

  for (const theme of ["light", "dark"]) {
    for (const [width, height] of [
      [360, 720],
      [900, 640],
      [1400, 900],
    ]) {
      test(`fits ${width} by ${height}, ${theme}, and axe finds nothing serious`, async () => {
        const page = await browser.signedIn(program, { width, height, theme });
        for (const name of PAGES) {
          await page.open(name);
          await page.locator(`a[href="#/${name}"][aria-current=page]`).waitFor();
          // A page may load several parts, each with a status of its own.
          await page.waitForFunction(() => document.querySelector('[role=status][aria-label="Loading…"]') === null);
          await settled(page);
          assert.equal(await page.locator(".failed").count(), 0, `${name} failed`);
          await page
            .locator("main")
            .evaluate((main) => main.scrollWidth <= main.clientWidth || Promise.reject(new Error("it is wider than its place")));
          await screenshot(page, `${name}-${width}-${theme}`);
          await examine(page, name);
        }
        await close(page);
      });
    }
  }

  for (const language of ["en", "fr"]) {
    for (const [width, height] of [
      [1100, 760],
      [900, 640],
      [1400, 900],
    ]) {
      test(`clips nothing at ${width} by ${height} in ${language}, long names included`, async () => {
        await longNames(program);
        await program.control("settings.set", { name: "language", value: language });
        const page = await browser.signedIn(program, { width, height });
        const whole = async (what) => {
          await settled(page);
          await screenshot(page, `${what}-${width}-${language}`);
          assert.deepEqual(await page.evaluate(clipped), [], what);
        };
        for (const name of PAGES) {
          await page.open(name);
          await page.locator(`a[href="#/${name}"][aria-current=page]`).waitFor();
          await page.waitForFunction(() => document.querySelector("main [role=status][aria-label]") === null);
          await whole(name);
          if (name === "requests") {
            await page
              .locator("[role=grid] [role=row]", { hasText: LONG_MODEL.slice(0, 20) })
              .first()
              .click();
            await page.locator("main aside").waitFor();
            await whole("request-detail");
          }
          if (name === "accounts") {
            for (const fold of await page.locator("main .disclosure").all()) await fold.click();
            await whole("account-detail");
          }
        }
        await close(page);
        await program.control("settings.set", { name: "language", value: null });
      });
    }
  }

  test("a page that was shown before is rendered in the next frame", async () => {
    const page = await browser.signedIn(program);
    const seen = await page.evaluate(async (names) => {
      const times = [];
      const titles = [];
      for (const name of [...names, ...names]) {
        const start = performance.now();
        location.hash = `#/${name}`;
        await new Promise((drawn) => addEventListener("hashchange", () => requestAnimationFrame(drawn), { once: true }));
        times.push(performance.now() - start);
        titles.push(document.querySelector("h1")?.textContent);
      }
      return { titles, middle: times.sort((a, b) => a - b)[Math.floor(times.length / 2)] };
    }, PAGES);
    // After its first visit, a page needs no further loading.
    assert.equal(new Set(seen.titles.slice(PAGES.length)).size, PAGES.length, seen.titles.join());
    // Measured, not tested: it depends on the machine's load.
    console.log(`a switch of pages takes ${Math.round(seen.middle)} ms`);
    await close(page);
  });

  test("the sign-in page reveals nothing about this installation, and axe finds nothing serious", async () => {
    const page = await browser.page(program);
    await page.open();
    await page.locator("input[type=password]").waitFor();
    assert.doesNotMatch(await page.locator("body").innerText(), /\d+\.\d+\.\d+|alice|bob|carol/);
    await examine(page, "sign-in");
    await screenshot(page, "sign-in");
    await page.locator("input[type=password]").fill("not-the-token");
    await page.keyboard.press("Enter");
    await page.getByText("This is not the control token.").waitFor();
    await page.locator("input[type=password]").fill(program.token);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.locator("input[type=password]").waitFor();
    await page.reload();
    await page.locator("input[type=password]").waitFor();
    await close(page);
  });

  /** Creates realistically long names; once for all tests. */
  async function longNames(program) {
    if ((await program.control("accounts.list")).some((one) => one.label === LONG_LABEL)) return;
    const [first] = await program.control("accounts.list");
    await program.control("accounts.rename", { label: first.label, to: LONG_LABEL });
    await program.control("models.set_alias", { name: "a-name-of-mine-for-the-model-that-answers-fastest", target: LONG_MODEL });
    await program.control("keys.add", { name: "the-editor-on-the-laptop-in-the-living-room" });
    await program.chat(LONG_MODEL);
    await program.chat(LONG_MODEL, 7);
  }

  async function examine(page, name) {
    await page.evaluate(AXE);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    const bad = found.violations.filter((one) => one.impact === "serious" || one.impact === "critical");
    assert.deepEqual(
      bad.map((one) => `${name}: ${one.id} ${one.nodes.map((node) => node.html).join(" | ")}`),
      [],
    );
  }

  /** Waits for two frames. */
  const settled = (page) => page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
});
