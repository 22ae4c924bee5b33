// The log as a file, on the fake: what the window says of it, and when.

import { expect, test, vi } from "vitest";

import { ControlFailure } from "../src/control/control";
import { button, open, says, until } from "./support";

const asked = (control: Awaited<ReturnType<typeof open>>, name: string) => control.asked.filter((one) => one.name === name).length;

async function exportCsv(desktop: boolean, failure?: ControlFailure) {
  const control = await open({ desktop }, "requests");
  if (failure) control.failing.set(desktop ? "log.save" : "log.export", failure);
  await says("400 requests");
  button("Export").click();
  await until(() => button("CSV"));
  button("CSV").click();
  return control;
}

test("in the program's own window the program writes the file and shows its folder", async () => {
  const control = await exportCsv(true);
  await says("Saved 400 requests to /home/ana/Downloads/mammouth-requests.csv");
  button("Show in folder").click();
  await until(() => expect(asked(control, "log.show_saved")).toBe(1));
  expect(asked(control, "log.export")).toBe(0);
});

test("in a browser it is a download", async () => {
  const made = vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:log");
  await exportCsv(false);
  await says("Downloaded 400 requests as mammouth-requests.csv");
  expect(made).toHaveBeenCalledTimes(1);
  made.mockRestore();
});

test.each([true, false])("a failure is told and nothing else (desktop: %s)", async (desktop) => {
  await exportCsv(desktop, new ControlFailure("file_not_saved", "", { what: "disk_full" }));
  await says("The file was not saved. The disk is full.");
  expect(document.body.textContent).not.toMatch(/Saved 400|Downloaded/);
});
