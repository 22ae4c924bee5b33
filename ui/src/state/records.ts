// Derived values of a request record.

import type { RequestRecord } from "../control/types";

/** Whether the client disconnected before the end, which is no failure. */
export function isCancelled(record: RequestRecord): boolean {
  return record.code === "client_closed";
}

/** Whether it failed or was interrupted, other than by the client. */
export function isFailed(record: RequestRecord): boolean {
  return (record.status >= 400 || record.interrupted) && !isCancelled(record);
}

/** The model that answered in place of the requested one: an alias's target, a closest model or a downgrade. The same model under
 * the website's name, `openai-gpt-4.1` for `gpt-4.1`, is no other model. */
export function substitute({ model_asked, model_served }: RequestRecord): string | null {
  if (!model_served) return null;
  const asked = model_asked.toLowerCase().replace(/:latest$/, "");
  const served = model_served.toLowerCase();
  return served === asked || served.replace(/^[a-z]+-/, "") === asked ? null : model_served;
}

/** JSON with indentation; other text unchanged. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
