// First start, and adding and removing an account, with a mock of Mammouth's site.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Browser, close, screenshot } from "./browser.mjs";
import { Program } from "./program.mjs";
import { startUpstream } from "./upstream.mjs";

describe("from the first start", () => {
  let upstream, program, browser, page;

  before(async () => {
    upstream = await startUpstream();
    [program, browser] = await Promise.all([Program.start({ upstream: upstream.url }), Browser.start()]);
    page = await browser.signedIn(program, { width: 900, height: 640 });
  });

  after(async () => {
    await browser?.stop();
    assert.equal(await program?.stop(), 0);
    await upstream?.stop();
  });

  test("the welcome leads from a cookie to a first answer", async () => {
    await page.getByText("Connect your Mammouth account").waitFor();
    await screenshot(page, "welcome-1");
    await page.getByRole("button", { name: "I understand, continue" }).click();
    await page.locator("textarea").fill("auth_session=stale-one");
    await page.getByRole("button", { name: "Test and add" }).click();
    await page.locator(".callout.bad").first().waitFor();
    await page.locator("textarea").fill("Cookie: theme=dark; auth_session=good-ana; other=1");
    await page.getByRole("button", { name: "Test and add" }).click();
    await page.getByText("ana@example.com").waitFor();
    assert.doesNotMatch(await page.content(), /good-ana/);
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("Set up your editor or agent").waitFor();
    await screenshot(page, "welcome-2");
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("Hello from ana.").waitFor();
    await screenshot(page, "welcome-3");
    await page.getByRole("button", { name: "Finish" }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
  });

  test("an account is added, renamed and removed", async () => {
    await page.open("accounts/add");
    await page.locator("dialog textarea").fill("good-bob");
    await page.locator("dialog").getByLabel("Label").fill("second");
    await page.getByRole("button", { name: "Test and add" }).click();
    await page.getByText("bob@example.com").first().waitFor();
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("article", { name: "second" }).waitFor();
    await page.getByRole("button", { name: "More for second" }).click();
    await page.getByRole("menuitem", { name: "Rename" }).click();
    await page.getByRole("dialog").getByLabel("Label").fill("bob at work");
    await page.keyboard.press("Enter");
    await page.getByRole("article", { name: "bob at work" }).waitFor();
    await page.getByRole("button", { name: "More for bob at work" }).click();
    await page.getByRole("menuitem", { name: "Remove" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await page.getByRole("article", { name: "bob at work" }).waitFor({ state: "detached" });
    assert.equal((await program.control("accounts.list")).length, 1);
  });

  test("no problem was reported", () => close(page));
});
