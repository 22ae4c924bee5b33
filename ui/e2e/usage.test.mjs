// Use of the pages with the real program in demo mode.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import { Browser, close, screenshot, completeWelcome } from "./browser.mjs";
import { Program } from "./program.mjs";

const HOSTILE = '<img src=x onerror="window.pwned=1"><svg onload=window.pwned=1>';

describe("in use", () => {
  let program, browser, page;

  before(async () => {
    [program, browser] = await Promise.all([Program.start(), Browser.start()]);
    await completeWelcome(program);
    page = await browser.signedIn(program);
  });

  after(async () => {
    await browser?.stop();
    assert.equal(await program?.stop(), 0);
  });

  test("a request appears on the open page, and opens", async () => {
    await page.open("requests");
    await page.getByText("No requests yet").waitFor();
    assert.equal(await program.chat("gpt-5"), 200);
    await page.locator(".list-row").first().click();
    await page.getByText("Response headers").waitFor();
    await screenshot(page, "request-detail");
    await page.getByRole("button", { name: "Close the details" }).click();
  });

  test("a client with a wrong key is shown in the overview, with the next step", async () => {
    const refused = await fetch(`${program.url}/v1/models`, { headers: { authorization: "Bearer not-the-key" } });
    assert.equal(refused.status, 401);
    await page.open("overview");
    await page.getByText("A client sent a missing or wrong API key.").waitFor();
    await page.getByText("1 refused").waitFor();
    await page.getByText("Copy the key again from Clients into that program.").waitFor();
  });

  test("a limit appears on the open page", async () => {
    await page.open("accounts");
    await page.getByRole("article", { name: "alice" }).waitFor();
    // Alice may answer two calls of a family; the third reaches her limit.
    await program.control("accounts.only", { label: "alice" });
    for (let call = 0; call < 3; call++) await program.chat("grok-4");
    await program.control("accounts.only", { label: null });
    const alice = page.getByRole("article", { name: "alice" });
    await alice.getByText(/Quota used up/).waitFor();
    await alice
      .getByText(/Resets in/)
      .first()
      .waitFor();
    await screenshot(page, "limited");
  });

  test("the log is exported without leaving the page", async () => {
    await page.open("requests");
    for (const [format, looks] of [
      ["CSV", /^id,/],
      ["JSON Lines", /^\{"id"/],
      ["HAR", /"log"/],
    ]) {
      await page.getByRole("button", { name: "Export" }).click();
      const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: format }).click()]);
      assert.match(await readFile(await file.path(), "utf8"), looks, format);
    }
  });

  test("a filter is applied and reset", async () => {
    await program.chat("no-such-model-anywhere", "");
    await page.open("requests");
    await page.locator("input[type=search]").fill("nothing fits this");
    await page.getByText("Nothing found").waitFor();
    await page.getByRole("button", { name: "Reset filters" }).first().click();
    await page.locator(".list-row").first().waitFor();
  });

  test("everything is reached by keyboard", async () => {
    await page.open("overview");
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.locator(".skip-link").focus();
    const names = [];
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press("Tab");
      names.push(
        await page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent?.trim()),
      );
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.notEqual(outline, "none", `the focus on ${names.at(-1)} cannot be seen`);
    }
    assert.ok(
      names.some((name) => name?.startsWith("Requests")),
      names.join(", "),
    );
    await page.locator('a[href="#/requests"]').focus();
    await page.keyboard.press("Enter");
    await page.locator("[role=grid]").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.getByText("Response headers").waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("Response headers").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Export" }).focus();
    await page.keyboard.press("ArrowDown");
    await page.getByRole("menuitem", { name: "CSV" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("menuitem", { name: "CSV" }).waitFor({ state: "detached" });
  });

  test("a key is created, shown and revoked", async () => {
    await page.open("clients");
    await page.getByRole("button", { name: "New key", exact: true }).click();
    await page.getByRole("dialog").getByLabel("Name", { exact: true }).fill("laptop");
    await page.keyboard.press("Enter");
    await page.getByText("Key for laptop").waitFor();
    assert.match(await page.locator("dialog pre").innerText(), /^mp-\S{20,}/);
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("button", { name: "More for laptop" }).click();
    await page.getByRole("menuitem", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("button", { name: "More for laptop" }).waitFor({ state: "detached" });
  });

  test("an alias is created, answers as its model, and is removed", async () => {
    await page.open("models");
    await page.getByLabel("Requested name").fill("my-coder");
    await page.getByLabel("Use model").fill("gpt-5");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    const alias = page.getByRole("listitem").filter({ hasText: "my-coder" });
    await alias.getByRole("button", { name: "Test my-coder" }).click();
    await alias.getByRole("status").filter({ hasText: "·" }).waitFor();
    assert.equal(await program.chat("my-coder"), 200);
    await page.open("requests");
    await page.locator(".list-row").filter({ hasText: "my-coder" }).first().click();
    await page.getByRole("complementary", { name: "Details of the request" }).getByText("openai-gpt-5", { exact: true }).first().waitFor();
    await page.open("models");
    await alias.getByRole("button", { name: "Remove alias my-coder" }).click();
    await alias.waitFor({ state: "detached" });
  });

  test("the language changes without a restart", async () => {
    await page.open("settings");
    for (const [value, heading] of [
      ["fr", "Réglages"],
      ["zh", "设置"],
      ["en", "Settings"],
    ]) {
      await page.locator("#settings-general select").first().selectOption(value);
      await page.getByRole("heading", { name: heading, exact: true, level: 1 }).waitFor();
      await screenshot(page, `settings-${value}`);
    }
    assert.equal((await program.control("status")).language, "en");
  });

  test("no English is shown before another language has arrived", async () => {
    await program.control("settings.set", { name: "language", value: "fr" });
    const french = await browser.page(program);
    await french.addInitScript(() => {
      window.headings = [];
      const note = () => window.headings.push(...[...document.querySelectorAll("h1, nav a")].map((one) => one.textContent.trim()));
      addEventListener("DOMContentLoaded", () =>
        new MutationObserver(note).observe(document.body, { childList: true, subtree: true, characterData: true }),
      );
    });
    await french.open();
    await french.locator("input[type=password]").fill(program.token);
    await french.evaluate(() => (window.headings = []));
    await french.keyboard.press("Enter");
    const heading = french.getByRole("heading", { name: "Vue d’ensemble", exact: true, level: 1 });
    await heading.waitFor();
    const afterSignIn = await french.evaluate(() => window.headings);
    await french.reload();
    await heading.waitFor();
    const shown = [...afterSignIn, ...(await french.evaluate(() => window.headings))];
    assert.ok(shown.length > 0);
    assert.deepEqual(
      shown.filter((text) => /Overview|Settings|Accounts/.test(text)),
      [],
    );
    await close(french);
    await program.control("settings.set", { name: "language", value: null });
  });

  test("W01 hostile texts are shown as text", async () => {
    await program.chat(HOSTILE);
    await page.open("requests");
    await page.getByText(HOSTILE).first().waitFor();
    await page.locator(".list-row").first().click();
    await page.getByRole("complementary", { name: "Details of the request" }).getByText(HOSTILE).first().waitFor();
    await page.open("overview");
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.equal(await page.locator("img[src=x]").count(), 0);
  });

  test("N05 a foreign page can neither read nor command", async () => {
    const foreign = createServer((_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>foreign</title>"),
    );
    await new Promise((listening) => foreign.listen(0, "127.0.0.1", listening));
    // The same browser, so that the session cookie exists; worst case: the page has the token too.
    const token = await page.evaluate(() => sessionStorage.getItem("mammouth.session_token"));
    assert.ok(token);
    const other = await page.context().newPage();
    await other.goto(`http://127.0.0.1:${foreign.address().port}/`);
    const tried = await other.evaluate(
      async ([url, token]) => {
        const attempt = (path, init) =>
          fetch(url + path, init).then(
            async (answer) => `${answer.type} ${answer.status} ${await answer.text()}`,
            () => "refused",
          );
        return {
          read: await attempt("/control/status", {
            method: "POST",
            credentials: "include",
            headers: { "x-mammouth-session": token, "content-type": "application/json" },
            body: "{}",
          }),
          simple: await attempt("/control/log.clear", { method: "POST", credentials: "include", mode: "no-cors", body: "{}" }),
          events: await attempt("/control/events", { credentials: "include" }),
          framed: await new Promise((shown) => {
            const frame = document.createElement("iframe");
            frame.onload = () => shown(frame.contentDocument === null ? "out of reach" : "open");
            frame.src = url;
            document.body.append(frame);
          }),
        };
      },
      [program.url, token],
    );
    assert.deepEqual([tried.read, tried.events], ["refused", "refused"]);
    assert.match(tried.simple, /^opaque 0 $|^refused$/);
    assert.equal(tried.framed, "out of reach");
    assert.ok((await program.control("log.latest", { limit: 1 })).length > 0, "the log was cleared from outside");
    await other.close();
    await new Promise((closed) => foreign.close(closed));
  });

  test("U12 another port gets the cookie and can do nothing with it, and the session survives a reload", async () => {
    let received;
    const other = createServer((request, response) => {
      received = request.headers;
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>other</title>");
    });
    await new Promise((listening) => other.listen(0, "127.0.0.1", listening));
    const tab = await page.context().newPage();
    await tab.goto(`http://127.0.0.1:${other.address().port}/`);
    assert.match(received.cookie, /mammouth_session=/, "browsers send cookies to every port of a host");
    assert.equal(received["x-mammouth-session"], undefined);
    assert.equal(await tab.evaluate(() => sessionStorage.length + localStorage.length), 0);
    for (const [method, path] of [
      ["POST", "/control/status"],
      ["POST", "/control/keys.default"],
      ["GET", "/control/events"],
      ["DELETE", "/control/session"],
    ]) {
      const answer = await fetch(program.url + path, { method, headers: { cookie: received.cookie, "x-mammouth-ui": "1" } });
      assert.equal(answer.status, 401, path);
    }
    await tab.close();
    await new Promise((closed) => other.close(closed));
    await page.open("accounts");
    await page.reload();
    await page.getByRole("heading", { name: "Accounts", level: 1 }).waitFor();
    await page.getByText("alice").first().waitFor();
  });

  test("the page follows a change of the port", async () => {
    await page.open("settings");
    await page.getByRole("button", { name: "Find a free port" }).click();
    const before = new URL(program.url).port;
    const field = page.locator("input[max='65535']");
    await page.waitForFunction(([selector, port]) => document.querySelector(selector)?.value !== port, ["input[max='65535']", before]);
    const next = await field.inputValue();
    await page.getByRole("button", { name: "Switch" }).click();
    await page.waitForURL((url) => url.port === next);
    program.url = `http://127.0.0.1:${next}`;
    await page.getByRole("heading", { name: "Settings", level: 1 }).waitFor();
    await page.getByText(`127.0.0.1:${next}`).first().waitFor();
    assert.equal(new URL(page.url()).hash, "#/settings", "the session token is gone from the address");
  });

  test("no problem was reported", () => close(page));
});
