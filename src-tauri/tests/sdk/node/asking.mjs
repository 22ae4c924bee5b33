// The questions that the tests ask. The simulator behind `--demo` repeats what follows `echo:`.
// Both upstreams have it.
export const MODEL = "gpt-4.1";

export const user = (content) => [{ role: "user", content }];

/** A question that is answered with exactly `text`, after the simulator has played `fault`. */
export const echo = (text, fault) => user(fault ? `sim: ${fault}\necho: ${text}` : `echo: ${text}`);

export async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

export const joined = (chunks) =>
  chunks.flatMap((chunk) => chunk.choices).map((choice) => choice.delta.content ?? "").join("");
