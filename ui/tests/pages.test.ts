// The pages, against the mock: user actions, calls to the program, what is shown.

import { tick } from "svelte";
import { describe, expect, test } from "vitest";

import { ControlFailure } from "../src/control/control";
import { appearance } from "../src/state/appearance.svelte";
import { button, choose, find, openPage, waitForText, submit, type, waitFor } from "./support";

const ANSWER = { model: "gpt-5", account: "work", attempts: 1, first_byte_ms: 1, duration_ms: 2 };

const asked = (control: Awaited<ReturnType<typeof openPage>>, name: string) =>
  control.calls.filter((one) => one.name === name).map((one) => one.args);

describe("every page", () => {
  test.each([
    ["overview", "Ready for your clients"],
    ["accounts", "Which account is next?"],
    ["requests", "400 requests"],
    ["models", "15 models"],
    ["clients", "~/.continue/config.yaml"],
    ["settings", "Allowed host names"],
  ])("%s is shown", async (page, text) => {
    await openPage({}, page);
    await waitForText(text);
  });

  test.each(["accounts", "requests", "models", "overview"])("%s has an empty state", async (page) => {
    await openPage({ name: "empty" }, page);
    await waitForText(/No account yet|No requests yet|No models yet/);
  });

  test.each([
    ["overview", "overview"],
    ["requests", "log.latest"],
    ["models", "models.list"],
    ["clients", "keys.list"],
    ["settings", "settings.get"],
  ] as const)("%s shows an error and retries", async (page, name) => {
    const control = await openPage({}, "accounts");
    control.failures.set(name, new ControlFailure("internal", "the disk is gone"));
    location.hash = `#/${page}`;
    await waitForText("The disk is gone.");
    control.failures.clear();
    button("Try again").click();
    await waitFor(() => expect(document.body.textContent).not.toContain("The disk is gone."));
  });
});

describe("the shell", () => {
  test("reports its content once there is some, so that the window is shown", async () => {
    const loading = await openPage({ name: "signed-out" });
    expect(loading.isDrawn).toBe(false);
    await waitForText("Control token");
    expect(loading.isDrawn).toBe(true);
    const control = await openPage();
    await waitForText("Ready for your clients");
    expect(control.isDrawn).toBe(true);
  });

  test("shows that it is stopped, and starts again", async () => {
    await openPage({ name: "stopped" });
    await waitForText("The proxy is stopped.");
    button("Start serving").click();
    await waitForText("Serving");
  });

  test("shows that it is the demo", async () => {
    await openPage({ name: "demo" });
    await waitForText("built-in simulator");
  });

  test("changes its language without a restart", async () => {
    const control = await openPage({}, "settings");
    await waitForText("Allowed host names");
    const field = [...document.querySelectorAll("label")].find((one) => one.textContent === "Language") as HTMLLabelElement;
    await choose(document.getElementById(field.htmlFor) as HTMLSelectElement, "fr");
    await waitForText("Noms d’hôte permis");
    expect(document.documentElement.lang).toBe("fr");
    expect(asked(control, "settings.set")).toEqual([{ name: "language", value: "fr" }]);
    appearance.setLanguage("en");
  });

  test("asks for the control token, and shows when it is wrong", async () => {
    await openPage({ name: "signed-out" });
    await waitForText("Control token");
    await type(find<HTMLInputElement>("input[type=password]"), "wrong");
    submit(find<HTMLFormElement>("form"));
    await waitForText("This is not the control token.");
    await type(find<HTMLInputElement>("input[type=password]"), "the-right-one");
    submit(find<HTMLFormElement>("form"));
    await waitForText("Ready for your clients");
  });
});

describe("accounts", () => {
  test("a limit appears on the open page", async () => {
    const control = await openPage({}, "accounts");
    Object.assign(control.state.accounts[0] as object, {
      state: "limited",
      limits: [{ scope: "gemini", reason: "quota", until_ms: Date.now() + 3_600_000, seconds_left: 3600 }],
    });
    control.sendStatus();
    await waitForText("Quota used up for gemini");
  });

  test("the first web account requires the notice, and its secret is cleared", async () => {
    const control = await openPage({ name: "empty" }, "accounts/add");
    await waitForText("Before you add a web session");
    button("I understand, continue").click();
    await waitFor(() => find("textarea"));
    await type(find<HTMLTextAreaElement>("textarea"), "auth_session=abc");
    submit(find<HTMLFormElement>("dialog form"));
    await waitForText("new@example.com");
    expect(asked(control, "accounts.add")).toEqual([{ kind: "web", secret: "auth_session=abc" }]);
    expect(document.body.innerHTML).not.toContain("auth_session=abc");
  });

  test("a refused cookie is reported and not added", async () => {
    const control = await openPage({}, "accounts/add");
    control.state.terms = true;
    control.sendStatus();
    await waitFor(() => find("dialog textarea"));
    await type(find<HTMLTextAreaElement>("dialog textarea"), "bad");
    submit(find<HTMLFormElement>("dialog form"));
    await waitForText("Session expired. Sign in at");
    expect(control.state.accounts.length).toBe(4);
  });

  test("a closed sign-in window is no alarm", async () => {
    const control = await openPage({ desktop: true }, "accounts/add");
    control.state.terms = true;
    control.sendStatus();
    control.failures.set("accounts.sign_in", new ControlFailure("cancelled", "the sign-in window was closed"));
    await waitFor(() => find("dialog form"));
    submit(find<HTMLFormElement>("dialog form"));
    await waitForText("Sign-in cancelled.");
    expect(document.querySelector("dialog .bad")).toBeNull();
  });

  test("are paused and reordered", async () => {
    const control = await openPage({}, "accounts");
    await waitFor(() => button("Pause"));
    button("Pause").click();
    await waitForText("Paused");
    button("More for personal").click();
    await waitFor(() => button("Move up"));
    button("Move up").click();
    await waitFor(() => expect(control.state.accounts[0]?.label).toBe("personal"));
    expect(asked(control, "accounts.order")).toEqual([{ labels: ["personal", "work", "studio-key", "old laptop"] }]);
  });

  test("s11 one added for another address is used there only after confirmation", async () => {
    const control = await openPage({}, "accounts");
    const detail = { added_for: "mammouth.ai", host: "evil.example" };
    Object.assign(control.state.accounts[0] as object, { state: "other_host", advice: { what: "confirm_host", detail } });
    control.sendStatus();
    await waitForText("It was added for mammouth.ai and is not sent to evil.example until you allow it.");
    button("Use this account with evil.example").click();
    await waitForText("“work” is used with evil.example now.");
    expect(asked(control, "accounts.use_host")).toEqual([{ label: "work", host: "evil.example" }]);
  });

  test("are removed only after confirmation", async () => {
    const control = await openPage({}, "accounts");
    await waitFor(() => button("More for work"));
    button("More for work").click();
    await waitFor(() => button("Remove"));
    button("Remove").click();
    await waitForText("Remove work?");
    expect(asked(control, "accounts.remove")).toEqual([]);
    find<HTMLButtonElement>("dialog .danger").click();
    await waitFor(() => expect(control.state.accounts.map((one) => one.label)).not.toContain("work"));
  });
});

describe("requests", () => {
  test("new ones appear on the open page", async () => {
    const control = await openPage({ records: 5 }, "requests");
    await waitForText("5 requests");
    control.receiveRequest();
    await waitForText("6 requests");
  });

  test("a long list renders only the visible rows", async () => {
    await openPage({ records: 100_000 }, "requests");
    await waitForText("100,000 requests");
    expect(document.querySelectorAll("[role=row]").length).toBeLessThan(80);
  });

  test("details show the attempts, and bodies with a warning", async () => {
    const control = await openPage({}, "requests");
    await control.call("settings.set", { name: "keep_bodies", value: true });
    await waitForText("Prompts and replies are being recorded");
    find<HTMLElement>(".list-row").click();
    await waitForText("Response headers");
    await waitForText("Do not share this.");
  });

  test("a filter queries the program and can be reset", async () => {
    const control = await openPage({}, "requests");
    await waitForText("400 requests");
    await choose(find<HTMLSelectElement>('select[aria-label="Status"]'), "failed");
    await waitFor(() => expect(asked(control, "log.latest").at(-1)).toEqual({ failed_only: true, limit: 200 }));
    await waitFor(() => button("Reset filters"));
    button("Reset filters").click();
    await waitForText("400 requests");
  });

  test("the keyboard moves through the list", async () => {
    await openPage({}, "requests");
    const grid = await waitFor(() => find("[role=grid]"));
    for (const key of ["ArrowDown", "ArrowDown", "ArrowUp", "Home"]) {
      grid.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
      await tick();
    }
    expect(find('[role=row][aria-selected="true"]').getAttribute("aria-rowindex")).toBe("2");
    grid.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    await waitFor(() => expect(document.querySelector("aside[aria-label='Details of the request']")).toBeNull());
  });
});

describe("clients", () => {
  test("the key is fetched only on demand", async () => {
    const control = await openPage({}, "clients");
    await waitForText("••••");
    expect(asked(control, "keys.list")).toEqual([{}]);
    button("Show the key").click();
    await waitForText("mp-main-4f9c2e71d0b64a58");
  });

  test("a new key is shown after its creation", async () => {
    await openPage({}, "clients");
    await waitFor(() => button("New key"));
    button("New key").click();
    await waitFor(() => find("dialog"));
    await type(find<HTMLInputElement>("dialog input[type=text]"), "laptop");
    submit(find<HTMLFormElement>("dialog form"));
    await waitForText("mp-laptop-4f9c2e71d0b64a58");
  });

  test("one is set up after its diff was shown, and its first request is awaited", async () => {
    const control = await openPage({}, "clients");
    await waitFor(() => button("Set up Claude Code"));
    button("Set up Claude Code").click();
    await waitForText('+  "base_url": "http://127.0.0.1:3000/v1"');
    expect(asked(control, "clients.apply")).toEqual([]);
    button("Set up").click();
    await waitForText("Waiting for the first request of Claude Code…");
    control.receiveRequest("claude-code");
    await waitForText("Claude Code is connected");
    button("Done").click();
    await waitFor(() => button("Undo the set-up of Claude Code"));
  });

  test("a file that changed meanwhile is planned anew before it is written", async () => {
    const control = await openPage({}, "clients");
    await waitFor(() => button("Set up Codex"));
    button("Set up Codex").click();
    await waitFor(() => find("dialog pre"));
    control.state.port = 3001;
    button("Set up").click();
    await waitForText('+  "base_url": "http://127.0.0.1:3001/v1"');
    expect(control.state.clients.find((one) => one.id === "codex")?.state).toEqual({ state: "not_set_up" });
  });

  test("a set-up is undone, and values changed by hand are asked about first", async () => {
    const control = await openPage({}, "clients");
    const drift = {
      path: "/home/ana/.continue/config.yaml",
      line: 7,
      key: "apiBase",
      before: null,
      ours: '"http://127.0.0.1:3000/v1"',
      now: '"http://other"',
    };
    Object.assign(control.state.clients.find((one) => one.id === "continue") as object, {
      state: { state: "changed_by_hand", drifts: [drift] },
      key_name: "continue",
    });
    await waitFor(() => button("Look again"));
    button("Look again").click();
    await waitFor(() => button("Undo the set-up of Continue"));
    button("Undo the set-up of Continue").click();
    await waitForText("http://other");
    expect(button("Undo").disabled || find<HTMLButtonElement>("dialog footer .primary").disabled).toBe(true);
    find<HTMLInputElement>("dialog input[value=keep]").click();
    await waitFor(() => expect(find<HTMLButtonElement>("dialog footer .primary").disabled).toBe(false));
    find<HTMLButtonElement>("dialog footer .primary").click();
    await waitForText("Undone: Continue");
    expect(asked(control, "clients.undo")).toEqual([{ client: "continue", drift: "keep", plan: "undo-continue" }]);
  });

  test("after a change of the port one dialog changes every set-up client", async () => {
    const control = await openPage({}, "clients");
    for (const id of ["claude-code", "codex"])
      Object.assign(control.state.clients.find((one) => one.id === id) as object, { state: { state: "set_up", by_hand: false } });
    await control.call("port.switch", { port: 4000 });
    await waitForText("2 clients do not use");
    button("Update all").click();
    await waitForText("Codex uses it from its next start.");
    expect(control.state.clients.filter((one) => one.state.state === "set_up").length).toBe(2);
  });

  test("a launch command is copied, and a client that cannot be used says why", async () => {
    await openPage({}, "clients");
    await waitForText("which cannot reach this machine");
    button("Copy launch command").click();
    await waitForText("Paste it into a terminal");
  });

  test("Cursor is shown as not supported", async () => {
    await openPage({}, "clients");
    await waitFor(() => button("Cursor"));
    button("Cursor").click();
    await waitForText("Cursor cannot use this proxy");
  });
});

describe("settings", () => {
  const field = <E extends HTMLElement>(name: string) => {
    const label = [...document.querySelectorAll("label")].find((one) => one.textContent === name);
    return document.getElementById(label?.htmlFor ?? "") as E;
  };
  const enter = async (input: HTMLInputElement, text: string) => {
    await type(input, text);
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };

  test("a refused value shows its reason beside the field, and Esc reverts it", async () => {
    const control = await openPage({}, "settings");
    await waitForText("Keep requests (days)");
    control.failures.set("settings.set", new ControlFailure("bad_arguments", "must be from 1 to 3650"));
    const days = field<HTMLInputElement>("Keep requests (days)");
    await enter(days, "9999");
    await waitForText("Must be from 1 to 3650.");
    expect([days.value, days.getAttribute("aria-invalid"), document.querySelectorAll(".toast").length]).toEqual(["9999", "true", 0]);
    days.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    await tick();
    expect([days.value, document.body.textContent?.includes("Must be from")]).toEqual(["14", false]);
  });

  test("a size is entered in megabytes, within its range", async () => {
    const control = await openPage({}, "settings");
    await waitForText("Largest log (MB)");
    const size = field<HTMLInputElement>("Largest log (MB)");
    expect(size.value).toBe("100");
    await enter(size, "0.5");
    await waitForText("Enter a number from 1 to 100,000.");
    await enter(size, "250");
    await waitFor(() => expect(asked(control, "settings.set")).toEqual([{ name: "log_max_bytes", value: 250_000_000 }]));
    const stored = field<HTMLInputElement>("Memory for stored responses (MB)");
    expect(stored.value).toBe("8");
    await enter(stored, "0");
    await waitFor(() => expect(asked(control, "settings.set").at(-1)).toEqual({ name: "stored_response_bytes", value: 0 }));
  });

  test("the log level is chosen, and a filter from the file is kept as a choice", async () => {
    const control = await openPage({}, "settings");
    await waitForText("Log level");
    const level = field<HTMLSelectElement>("Log level");
    expect([...level.options].map((one) => one.value)).toEqual(["error", "warn", "info", "debug"]);
    await choose(level, "debug");
    await waitFor(() => expect(asked(control, "settings.set")).toEqual([{ name: "log", value: "debug" }]));
    await control.call("settings.set", { name: "log", value: "mammouth=debug" });
    location.hash = "#/overview";
    await waitForText("Ready for your clients");
    location.hash = "#/settings";
    await waitForText("Log level");
    await waitFor(() => expect(field<HTMLSelectElement>("Log level").value).toBe("mammouth=debug"));
  });

  test("the keyless port is switched on at a free port, moved, and switched off", async () => {
    const control = await openPage({}, "settings");
    await waitForText("Keyless port");
    const values = () => asked(control, "settings.set").map((args) => (args as { value: unknown }).value);
    button("Keyless port").click();
    await waitFor(() => expect(field<HTMLInputElement>("Keyless port").value).toBe("3001"));
    await enter(field("Keyless port"), "3010");
    await waitFor(() => expect(values()).toEqual([3001, 3010]));
    button("Keyless port").click();
    await waitFor(() => expect(values()).toEqual([3001, 3010, 0]));
    await waitFor(() => expect(field("Keyless port")).toBeNull());
  });

  test("the chosen section is marked", async () => {
    await openPage({}, "settings/notifications");
    await waitFor(() => expect(find("nav a[aria-current=true]").textContent).toBe("Notifications"));
    const general = [...document.querySelectorAll("a")].find((one) => one.textContent === "General");
    general?.click();
    await waitFor(() => expect(find("nav a[aria-current=true]").textContent).toBe("General"));
  });

  test("the port is changed, and one in use is refused", async () => {
    const control = await openPage({}, "settings");
    const field = await waitFor(() => find<HTMLInputElement>("input[max='65535']"));
    await type(field, "8080");
    submit(field.form as HTMLFormElement);
    await waitForText("Port 8080 is taken by nginx (pid 812).");
    await type(field, "4000");
    submit(field.form as HTMLFormElement);
    await waitForText("Now at 127.0.0.1:4000.");
    expect(control.state.port).toBe(4000);
  });

  test("one is reset to its default", async () => {
    const control = await openPage({}, "settings");
    await waitFor(() => button("Back to the default: Keep requests (days)"));
    button("Back to the default: Keep requests (days)").click();
    await waitFor(() => expect(control.state.setting("log_days")?.value).toBe(30));
  });
});

describe("updates", () => {
  test("the window says where this installation gets them", async () => {
    const control = await openPage({}, "settings");
    await waitForText("This build has no address for updates, so nothing is asked.");
    expect(asked(control, "updates.check")).toEqual([]);
  });

  test("a newer version is installed when the user asks for it", async () => {
    const control = await openPage({ name: "update" }, "settings");
    await waitForText("Version 9.0.0 is available.");
    expect(asked(control, "updates.install")).toEqual([]);
    button("Install version 9.0.0").click();
    await waitForText("The program starts again.");
    expect(asked(control, "updates.install")).toEqual([{}]);
  });
});

describe("the welcome", () => {
  test("leads through three steps to a first answer", async () => {
    const control = await openPage({ name: "welcome" });
    const mock = await import("../mock/accounts");
    control.state.models = mock.models();
    await waitForText("Connect your Mammouth account");
    button("Later").click();
    await waitForText("Set up your editor or agent");
    // Without an account the first step is not marked as done, and there is nothing to try.
    expect(document.querySelectorAll("header li.done").length).toBe(0);
    button("Next").click();
    await waitForText("Send a test message");
    button("Add account").click();
    await waitForText("Connect your Mammouth account");
    expect([...document.querySelectorAll("button.primary")].map((one) => one.textContent?.trim())).toEqual(["I understand, continue"]);
    button("I understand, continue").click();
    await waitFor(() => find("textarea"));
    await type(find<HTMLTextAreaElement>("textarea"), "auth_session=abc");
    expect(document.querySelectorAll("button.primary").length).toBe(1);
    find<HTMLButtonElement>("footer button.primary").click();
    await waitForText("new@example.com");
    button("Next").click();
    await waitForText("Set up your editor or agent");
    expect(document.querySelectorAll("header li.done").length).toBe(1);
    button("Next").click();
    await waitForText("Send a test message");
    await waitFor(() => expect(button("Send").disabled).toBe(false));
    // The answer appears as it arrives, and can be stopped.
    const end = control.hold("try");
    submit(find<HTMLFormElement>("form"));
    await waitFor(() => button("Stop"));
    const { id } = asked(control, "try")[0] as { id: string };
    control.receiveTestText("another", "not this");
    control.receiveTestText(id, "I am ");
    control.receiveTestText(id, "answering");
    await waitForText("I am answering");
    expect(document.body.textContent).not.toContain("not this");
    button("Stop").click();
    await waitFor(() => expect(asked(control, "try.stop")).toEqual([{ id }]));
    end({ ...ANSWER, status: 499, text: "", error: "stopped", code: "client_closed" });
    await waitForText("Stopped.");
    expect(document.body.textContent).toContain("I am answering");
    await type(find<HTMLInputElement>("form input[type=text]"), "Again?");
    submit(find<HTMLFormElement>("form"));
    await waitForText("I am answering through your own proxy");
    // The check for updates is off until this one question is answered.
    const question = find<HTMLButtonElement>('[role="switch"]');
    expect(question.getAttribute("aria-checked")).toBe("false");
    question.click();
    await waitFor(() => expect(control.state.setting("update_check")?.value).toBe(true));
    button("Finish").click();
    await waitFor(() => expect(control.state.welcomed).toBe(true));
    await waitForText("Overview");
  });

  test("asks about newer versions only in a build with an address for them", async () => {
    const control = await openPage({ name: "welcome" });
    control.state.hasUpdateAddress = false;
    await waitForText("Connect your Mammouth account");
    button("Later").click();
    await waitForText("Set up your editor or agent");
    button("Next").click();
    await waitForText("Send a test message");
    await waitFor(() => expect(asked(control, "updates.status")).toHaveLength(1));
    expect(document.body.textContent).not.toContain("Look for a newer version");
  });
});

describe("hostile texts", () => {
  test.each(["overview", "accounts", "requests", "models", "clients"])("W01 are shown as text on %s", async (page) => {
    await openPage({ name: "hostile", records: 30 }, page);
    await waitForText("<img src=x onerror=");
    expect(document.querySelector("img[src=x], svg[onload], a[href^=javascript]")).toBeNull();
    expect((window as unknown as { pwned?: unknown }).pwned).toBeUndefined();
  });
});

test("a dismissed notice is shown again when it returns", async () => {
  const control = await openPage();
  const notice = "No key is asked on port 11434";
  const gone = () => waitFor(() => expect(document.body.textContent).not.toContain(notice));
  const set = (value: number) => control.call("settings.set", { name: "keyless_port", value });
  await set(11434);
  await waitForText(notice);
  button("Close this notice").click();
  await gone();
  await set(0);
  await tick();
  await set(11434);
  await waitForText(notice);
});
