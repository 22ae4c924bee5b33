// Why the program is in its state, as one sentence.

import type { Status } from "../control/types";
import { wait } from "../format";
import { plural, t } from "../i18n/index.svelte";
import { earliestLimit } from "./accounts";

export function statusReason(status: Status, now: number): string {
  if (status.reason === "running") return plural("reason.running", status.running);
  if (status.reason !== "limited") return t(`reason.${status.reason}`);
  const ends = status.accounts.map((account) => earliestLimit(account)?.until_ms ?? Infinity);
  return t("reason.limited", { time: wait(Math.min(...ends) - now) });
}
