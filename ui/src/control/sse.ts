// Server-sent events out of a byte stream. The browser's own EventSource cannot send the header the program asks for.

export interface Message {
  event: string;
  data: string;
}

/** No event is larger than this; a stream that goes on without an end of line is cut off. */
const LARGEST = 4 * 1024 * 1024;

/** Reads the stream to its end and hands over each event that carries data. */
export async function readEvents(body: ReadableStream<Uint8Array>, each: (message: Message) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest = drain(rest + decoder.decode(value, { stream: true }), each);
    if (rest.length > LARGEST) {
      await reader.cancel();
      return;
    }
  }
}

/** Hands over the whole events in `text` and returns what is left. */
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
