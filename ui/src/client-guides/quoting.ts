// Quoting of values for the file formats of the guides. Model names are untrusted: nothing goes in unquoted.

export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** For a POSIX shell. */
export function shell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A basic string of TOML; its escapes are JSON's, but for DEL. */
export function toml(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}

/** A double-quoted scalar of YAML, which is a superset of JSON's. */
export function yaml(text: string): string {
  return JSON.stringify(text);
}
