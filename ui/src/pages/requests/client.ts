// How the client of a request is named.

import type { RequestRecord } from "../../control/types";

/** The name of the key, and the program that used it where the name does not tell. */
export function clientName({ client, program }: Pick<RequestRecord, "client" | "program">): string {
  return program && !client.startsWith(program) ? `${client} (${program})` : client;
}
