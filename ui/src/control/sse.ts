// Server-sent events parser. The browser's EventSource cannot send the session header.

export interface Message {
  event: string;
  data: string;
}

/** Limit of one event, in characters; a stream that exceeds it is cancelled. */
const MAX_EVENT_CHARS = 4 * 1024 * 1024;

/** Reads the stream to its end and calls `each` for every event with data. */
export async function readEvents(body: ReadableStream<Uint8Array>, each: (message: Message) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest = drain(rest + decoder.decode(value, { stream: true }), each);
    if (rest.length > MAX_EVENT_CHARS) {
      await reader.cancel();
      return;
    }
  }
}

/** Calls `each` for the complete events in `text`; returns the rest. */
export function drain(text: string, each: (message: Message) => void): string {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  for (const block of blocks) {
    const message = parse(block);
    if (message.data) each(message);
  }
  return rest;
}

function parse(block: string): Message {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return { event, data: data.join("\n") };
}
