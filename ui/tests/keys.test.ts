// Client keys on the fake: what can be shown and copied, and how the program's own window copies.

import { beforeEach, describe, expect, test, vi } from "vitest";

import { copyKey } from "../src/state/keys";
import { FakeControl } from "../src/control/mock";
import { ControlFailure } from "../src/control/control";
import { button, choose, find, open, says, submit, type, until } from "./support";

const MAIN_KEY = "mp-main-4f9c2e71d0b64a58";
const ZED_KEY = "mp-zed-4f9c2e71d0b64a58";

const written = vi.fn(async (_text: string) => {});

beforeEach(() => {
  written.mockClear();
  vi.stubGlobal("navigator", { ...navigator, language: "en", languages: ["en"], clipboard: { writeText: written } });
});

const keyChoice = () => find<HTMLSelectElement>(".choices select");

describe("in the program's own window", () => {
  test("the program copies, and no key enters the page for that", async () => {
    const control = await open({ desktop: true });
    await until(() => button("Copy: API key"));
    button("Copy: API key").click();
    await until(() => expect(control.world.clipboard).toBe(MAIN_KEY));
    button("Copy: Base URL").click();
    await until(() => expect(control.world.clipboard).toBe("http://127.0.0.1:3000/v1"));
    expect(control.asked.some((one) => one.name === "keys.list")).toBe(false);
    expect(written).not.toHaveBeenCalled();
  });

  test("a snippet is copied with the key that was chosen", async () => {
    const control = await open({ desktop: true }, "clients");
    await until(keyChoice);
    await choose(keyChoice(), "zed");
    button("Copy: ~/.continue/config.yaml").click();
    await until(() => expect(control.world.clipboard).toContain(`apiKey: "${ZED_KEY}"`));
  });

  test("a key that needs quoting is written into the text by the page", async () => {
    const control = new FakeControl({ desktop: true });
    control.failing.set("keys.copy", new ControlFailure("bad_arguments", ""));
    expect(await copyKey(control, "main", (key) => JSON.stringify({ key }))).toBe(true);
    expect(control.world.clipboard).toBe(`{"key":"${MAIN_KEY}"}`);
  });
});

describe("in a browser", () => {
  test("the page copies, and asks for the key only then", async () => {
    const control = await open({}, "clients");
    await until(() => button("Copy: zed"));
    expect(control.asked.filter((one) => one.name === "keys.list").map((one) => one.args)).toEqual([{}]);
    button("Copy: zed").click();
    await until(() => expect(written).toHaveBeenCalledWith(ZED_KEY));
  });
});

describe("a key of which only the digest is stored", () => {
  test("has no copy button and says so", async () => {
    await open({}, "clients");
    await until(() => button("More for ci-bot"));
    await says("Shown once");
    expect(() => button("Copy: ci-bot")).toThrow();
  });

  test("leaves its place in the texts to the reader", async () => {
    const control = await open({ desktop: true }, "clients");
    await until(keyChoice);
    await choose(keyChoice(), "ci-bot");
    await says("The key “ci-bot” cannot be shown again.");
    expect(() => button("Show the key")).toThrow();
    button("Copy: ~/.continue/config.yaml").click();
    await until(() => expect(control.world.clipboard).toContain('apiKey: "YOUR_KEY"'));
  });
});

describe("a new key for a client", () => {
  test("is made, filled in and copied with one click", async () => {
    const control = await open({ desktop: true }, "clients");
    await until(() => button("Zed"));
    button("Zed").click();
    await until(() => button("New key for Zed"));
    button("New key for Zed").click();
    await says("Created the key “zed-2” and copied the text with it.");
    expect(control.world.clipboard).toBe("mp-zed-2-4f9c2e71d0b64a58");
    expect(keyChoice().value).toBe("zed-2");
    await says("mp-zed-2-4f9c2e71d0b64a58");
  });

  test("that no keychain took is shown once, and every text says so", async () => {
    const control = await open({ name: "broken", desktop: true }, "clients");
    await until(() => button("New key for Continue"));
    button("New key for Continue").click();
    await says("Copy it now: the key “continue” is shown only once");
    await until(() => expect(control.world.clipboard).toContain("mp-continue-4f9c2e71d0b64a58"));
    button("New key").click();
    await until(() => find("dialog"));
    await type(find<HTMLInputElement>("dialog input[type=text]"), "laptop");
    submit(find<HTMLFormElement>("dialog form"));
    await says("It is shown only once, because no keychain could store it.");
  });
});
