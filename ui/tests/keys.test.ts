// Client keys, against the mock: showing, copying, and copying in the desktop window.

import { beforeEach, describe, expect, test, vi } from "vitest";

import { copyKey } from "../src/state/keys";
import { MockControl } from "../mock";
import { ControlFailure } from "../src/control/control";
import { button, choose, find, openPage, waitForText, submit, type, waitFor } from "./support";

const MAIN_KEY = "mp-main-4f9c2e71d0b64a58";
const ZED_KEY = "mp-zed-4f9c2e71d0b64a58";

const written = vi.fn(async (_text: string) => {});

beforeEach(() => {
  written.mockClear();
  vi.stubGlobal("navigator", { ...navigator, language: "en", languages: ["en"], clipboard: { writeText: written } });
});

const keyChoice = () => find<HTMLSelectElement>(".choices select");

describe("in the desktop window", () => {
  test("the program copies, and the page fetches no key for it", async () => {
    const control = await openPage({ desktop: true });
    await waitFor(() => button("Copy: API key"));
    button("Copy: API key").click();
    await waitFor(() => expect(control.state.clipboard).toBe(MAIN_KEY));
    button("Copy: Base URL").click();
    await waitFor(() => expect(control.state.clipboard).toBe("http://127.0.0.1:3000/v1"));
    expect(control.calls.some((one) => one.name === "keys.list")).toBe(false);
    expect(written).not.toHaveBeenCalled();
  });

  test("a snippet is copied with the key that was chosen", async () => {
    const control = await openPage({ desktop: true }, "clients");
    await waitFor(keyChoice);
    await choose(keyChoice(), "zed");
    button("Copy: ~/.continue/config.yaml").click();
    await waitFor(() => expect(control.state.clipboard).toContain(`apiKey: "${ZED_KEY}"`));
  });

  test("a key that needs quoting is written into the text by the page", async () => {
    const control = new MockControl({ desktop: true });
    control.failures.set("keys.copy", new ControlFailure("bad_arguments", ""));
    expect(await copyKey(control, "main", (key) => JSON.stringify({ key }))).toBe(true);
    expect(control.state.clipboard).toBe(`{"key":"${MAIN_KEY}"}`);
  });
});

describe("in a browser", () => {
  test("the page copies, and asks for the key only then", async () => {
    const control = await openPage({}, "clients");
    await waitFor(() => button("Copy: zed"));
    expect(control.calls.filter((one) => one.name === "keys.list").map((one) => one.args)).toEqual([{}]);
    button("Copy: zed").click();
    await waitFor(() => expect(written).toHaveBeenCalledWith(ZED_KEY));
  });
});

describe("a key of which only the digest is stored", () => {
  test("has no copy button and waitForText so", async () => {
    await openPage({}, "clients");
    await waitFor(() => button("More for ci-bot"));
    await waitForText("Shown once");
    expect(() => button("Copy: ci-bot")).toThrow();
  });

  test("is a placeholder in the texts", async () => {
    const control = await openPage({ desktop: true }, "clients");
    await waitFor(keyChoice);
    await choose(keyChoice(), "ci-bot");
    await waitForText("The key “ci-bot” cannot be shown again.");
    expect(() => button("Show the key")).toThrow();
    button("Copy: ~/.continue/config.yaml").click();
    await waitFor(() => expect(control.state.clipboard).toContain('apiKey: "YOUR_KEY"'));
  });
});

describe("a new key for a client", () => {
  test("is made, filled in and copied with one click", async () => {
    const control = await openPage({ desktop: true }, "clients");
    await waitFor(() => button("Zed"));
    button("Zed").click();
    await waitFor(() => button("New key for Zed"));
    button("New key for Zed").click();
    await waitForText("Created the key “zed-2” and copied the text with it.");
    expect(control.state.clipboard).toBe("mp-zed-2-4f9c2e71d0b64a58");
    expect(keyChoice().value).toBe("zed-2");
    await waitForText("mp-zed-2-4f9c2e71d0b64a58");
  });

  test("that no keychain could store is shown once, and every text waitForText so", async () => {
    const control = await openPage({ name: "broken", desktop: true }, "clients");
    await waitFor(() => button("New key for Continue"));
    button("New key for Continue").click();
    await waitForText("Copy it now: the key “continue” is shown only once");
    await waitFor(() => expect(control.state.clipboard).toContain("mp-continue-4f9c2e71d0b64a58"));
    button("New key").click();
    await waitFor(() => find("dialog"));
    await type(find<HTMLInputElement>("dialog input[type=text]"), "laptop");
    submit(find<HTMLFormElement>("dialog form"));
    await waitForText("It is shown only once, because no keychain could store it.");
  });
});
