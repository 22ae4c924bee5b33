// The pages on the fake: what is pressed, what is asked of the program, what is shown.

import { tick } from "svelte";
import { describe, expect, test } from "vitest";

import { ControlFailure } from "../src/control/control";
import { look } from "../src/state/appearance.svelte";
import { button, choose, find, open, says, submit, type, until } from "./support";

const asked = (control: Awaited<ReturnType<typeof open>>, name: string) => control.asked.filter((one) => one.name === name).map((one) => one.args);

describe("every page", () => {
  test.each([
    ["overview", "Ready for your clients"],
    ["accounts", "Who is asked first"],
    ["requests", "400 requests"],
    ["models", "15 models"],
    ["clients", "~/.continue/config.yaml"],
    ["settings", "Allowed host names"],
  ])("%s is shown", async (page, text) => {
    await open({}, page);
    await says(text);
  });

  test.each(["accounts", "requests", "models", "overview"])("%s has a word for nothing", async (page) => {
    await open({ name: "empty" }, page);
    await says(/No account yet|No requests yet|No models yet/);
  });

  test.each([
    ["overview", "overview"],
    ["requests", "log.latest"],
    ["models", "models.list"],
    ["clients", "keys.list"],
    ["settings", "settings.get"],
  ] as const)("%s says what failed and tries again", async (page, name) => {
    const control = await open({}, "accounts");
    control.failing.set(name, new ControlFailure("internal", "the disk is gone"));
    location.hash = `#/${page}`;
    await says("The disk is gone.");
    control.failing.clear();
    button("Try again").click();
    await until(() => expect(document.body.textContent).not.toContain("The disk is gone."));
  });
});

describe("the frame", () => {
  test("says that it is stopped, and starts again", async () => {
    await open({ name: "stopped" });
    await says("The proxy is stopped.");
    button("Start serving").click();
    await says("Serving");
  });

  test("says that it is the demo", async () => {
    await open({ name: "demo" });
    await says("built-in simulator");
  });

  test("changes its language without a restart", async () => {
    const control = await open({}, "settings");
    await says("Allowed host names");
    const field = [...document.querySelectorAll("label")].find((one) => one.textContent === "Language") as HTMLLabelElement;
    await choose(document.getElementById(field.htmlFor) as HTMLSelectElement, "fr");
    await says("Noms d’hôte permis");
    expect(document.documentElement.lang).toBe("fr");
    expect(asked(control, "settings.set")).toEqual([{ name: "language", value: "fr" }]);
    look.setLanguage("en");
  });

  test("asks for the control token, and says when it is wrong", async () => {
    await open({ name: "signed-out" });
    await says("Control token");
    await type(find<HTMLInputElement>("input[type=password]"), "wrong");
    submit(find<HTMLFormElement>("form"));
    await says("This is not the control token.");
    await type(find<HTMLInputElement>("input[type=password]"), "the-right-one");
    submit(find<HTMLFormElement>("form"));
    await says("Ready for your clients");
  });
});

describe("accounts", () => {
  test("a limit appears while one looks", async () => {
    const control = await open({}, "accounts");
    Object.assign(control.world.accounts[0] as object, { state: "limited", limits: [{ scope: "gemini", reason: "quota", until_ms: Date.now() + 3_600_000, seconds_left: 3600 }] });
    control.tell();
    await says("Quota used up for gemini");
  });

  test("the first web account comes after the notice, its secret leaves the page", async () => {
    const control = await open({ name: "empty" }, "accounts/add");
    await says("Before you add a web session");
    button("I understand, go on").click();
    await until(() => find("textarea"));
    await type(find<HTMLTextAreaElement>("textarea"), "auth_session=abc");
    submit(find<HTMLFormElement>("dialog form"));
    await says("new@example.com");
    expect(asked(control, "accounts.add")).toEqual([{ kind: "web", secret: "auth_session=abc" }]);
    expect(document.body.innerHTML).not.toContain("auth_session=abc");
  });

  test("a refused cookie is said to be refused, and not added", async () => {
    const control = await open({}, "accounts/add");
    control.world.terms = true;
    control.tell();
    await until(() => find("dialog textarea"));
    await type(find<HTMLTextAreaElement>("dialog textarea"), "bad");
    submit(find<HTMLFormElement>("dialog form"));
    await says("The session is not valid any more: sign in at");
    expect(control.world.accounts.length).toBe(4);
  });

  test("are paused, preferred and put in order", async () => {
    const control = await open({}, "accounts");
    await until(() => button("Pause"));
    button("Pause").click();
    await says("Paused");
    button("More for personal").click();
    await until(() => button("Move up"));
    button("Move up").click();
    await until(() => expect(control.world.accounts[0]?.label).toBe("personal"));
    expect(asked(control, "accounts.order")).toEqual([{ labels: ["personal", "work", "studio-key", "old laptop"] }]);
  });

  test("s11 one that was added for another address is used there only when one says so", async () => {
    const control = await open({}, "accounts");
    const detail = { added_for: "mammouth.ai", host: "evil.example" };
    Object.assign(control.world.accounts[0] as object, { state: "other_host", advice: { what: "confirm_host", detail } });
    control.tell();
    await says("It was added for mammouth.ai and is not sent to evil.example until you allow it.");
    button("Use this account with evil.example").click();
    await says("“work” is used with evil.example now.");
    expect(asked(control, "accounts.use_host")).toEqual([{ label: "work", host: "evil.example" }]);
  });

  test("are removed only when one says so twice", async () => {
    const control = await open({}, "accounts");
    await until(() => button("More for work"));
    button("More for work").click();
    await until(() => button("Remove"));
    button("Remove").click();
    await says("Remove work?");
    expect(asked(control, "accounts.remove")).toEqual([]);
    find<HTMLButtonElement>("dialog .danger").click();
    await until(() => expect(control.world.accounts.map((one) => one.label)).not.toContain("work"));
  });
});

describe("requests", () => {
  test("new ones appear while one looks", async () => {
    const control = await open({ records: 5 }, "requests");
    await says("5 requests");
    control.arrive();
    await says("6 requests");
  });

  test("a long list draws only what is in sight", async () => {
    await open({ records: 100_000 }, "requests");
    await says("100,000 requests");
    expect(document.querySelectorAll("[role=row]").length).toBeLessThan(80);
  });

  test("one is opened with its attempts, and bodies come with a warning", async () => {
    const control = await open({}, "requests");
    await control.call("settings.set", { name: "keep_bodies", value: true });
    await says("Bodies are being kept");
    find<HTMLElement>(".line").click();
    await says("Headers that the client got");
    await says("Do not share this.");
  });

  test("a filter asks the program and can be taken back", async () => {
    const control = await open({}, "requests");
    await says("400 requests");
    await choose(find<HTMLSelectElement>('select[aria-label="Status"]'), "failed");
    await until(() => expect(asked(control, "log.latest").at(-1)).toEqual({ failed_only: true, limit: 200 }));
    await until(() => button("Reset filters"));
    button("Reset filters").click();
    await says("400 requests");
  });

  test("the keyboard moves through the list", async () => {
    await open({}, "requests");
    const grid = await until(() => find("[role=grid]"));
    for (const key of ["ArrowDown", "ArrowDown", "ArrowUp", "Home"]) {
      grid.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      await tick();
    }
    expect(find('[role=row][aria-selected="true"]').getAttribute("aria-rowindex")).toBe("2");
    grid.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    await until(() => expect(document.querySelector("aside[aria-label='Details of the request']")).toBeNull());
  });
});

describe("clients", () => {
  test("the key is fetched only when it is wanted", async () => {
    const control = await open({}, "clients");
    await says("••••");
    expect(asked(control, "keys.list")).toEqual([{}]);
    button("Show the key").click();
    await says("mp-main-4f9c2e71d0b64a58");
  });

  test("a new key is shown once it is made", async () => {
    await open({}, "clients");
    await until(() => button("New key"));
    button("New key").click();
    await until(() => find("dialog"));
    await type(find<HTMLInputElement>("dialog input[type=text]"), "laptop");
    submit(find<HTMLFormElement>("dialog form"));
    await says("mp-laptop-4f9c2e71d0b64a58");
  });

  test("Cursor is told to be impossible", async () => {
    await open({}, "clients");
    await until(() => button("Cursor"));
    button("Cursor").click();
    await says("Cursor cannot use this proxy");
  });
});

describe("settings", () => {
  test("the port is switched, and a taken one changes nothing", async () => {
    const control = await open({}, "settings");
    const field = await until(() => find<HTMLInputElement>("input[max='65535']"));
    await type(field, "8080");
    submit(field.form as HTMLFormElement);
    await says("Port 8080 is taken by nginx (pid 812).");
    await type(field, "4000");
    submit(field.form as HTMLFormElement);
    await says("Now at 127.0.0.1:4000.");
    expect(control.world.port).toBe(4000);
  });

  test("one goes back to its default", async () => {
    const control = await open({}, "settings");
    await until(() => button("Back to the default: Keep requests, days"));
    button("Back to the default: Keep requests, days").click();
    await until(() => expect(control.world.setting("log_days")?.value).toBe(14));
  });
});

describe("the welcome", () => {
  test("leads through its three steps to a first answer", async () => {
    const control = await open({ name: "welcome" });
    control.world.models = (await import("../src/control/mock/accounts")).models();
    await says("Whom shall the proxy ask?");
    button("Later").click();
    await says("What do you write with?");
    button("Next").click();
    await says("Does it work?");
    await until(() => expect(button("Send").disabled).toBe(false));
    submit(find<HTMLFormElement>("form"));
    await says("I am answering through your own proxy");
    button("Finish").click();
    await until(() => expect(control.world.welcomed).toBe(true));
    await says("Overview");
  });
});

describe("hostile texts", () => {
  test.each(["overview", "accounts", "requests", "models", "clients"])("W01 come out as text on %s", async (page) => {
    await open({ name: "hostile", records: 30 }, page);
    await says("<img src=x onerror=");
    expect(document.querySelector("img[src=x], svg[onload], a[href^=javascript]")).toBeNull();
    expect((window as unknown as { pwned?: unknown }).pwned).toBeUndefined();
  });
});

test("a notice that was closed is told again when it comes back", async () => {
  const control = await open();
  const notice = "No key is asked on port 11434";
  const gone = () => until(() => expect(document.body.textContent).not.toContain(notice));
  const set = (value: number) => control.call("settings.set", { name: "keyless_port", value });
  await set(11434);
  await says(notice);
  button("Close this notice").click();
  await gone();
  await set(0);
  await tick();
  await set(11434);
  await says(notice);
});
