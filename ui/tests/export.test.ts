// Export of the request log, against the mock.

import { expect, test, vi } from "vitest";

import { ControlFailure } from "../src/control/control";
import { button, openPage, waitForText, waitFor } from "./support";

const asked = (control: Awaited<ReturnType<typeof openPage>>, name: string) => control.calls.filter((one) => one.name === name).length;

async function exportCsv(desktop: boolean, failure?: ControlFailure) {
  const control = await openPage({ desktop }, "requests");
  if (failure) control.failures.set(desktop ? "log.save" : "log.export", failure);
  await waitForText("400 requests");
  button("Export").click();
  await waitFor(() => button("CSV"));
  button("CSV").click();
  return control;
}

test("in the desktop window the program writes the file and shows its folder", async () => {
  const control = await exportCsv(true);
  await waitForText("Saved 400 requests to /home/ana/Downloads/mammouth-requests.csv");
  button("Show in folder").click();
  await waitFor(() => expect(asked(control, "log.show_saved")).toBe(1));
  expect(asked(control, "log.export")).toBe(0);
});

test("in a browser the file is downloaded", async () => {
  const made = vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:log");
  await exportCsv(false);
  await waitForText("Downloaded 400 requests as mammouth-requests.csv");
  expect(made).toHaveBeenCalledTimes(1);
  made.mockRestore();
});

test.each([true, false])("a failure is shown and no success (desktop: %s)", async (desktop) => {
  await exportCsv(desktop, new ControlFailure("file_not_saved", "", { what: "disk_full" }));
  await waitForText("The file was not saved. The disk is full.");
  expect(document.body.textContent).not.toMatch(/Saved 400|Downloaded/);
});
