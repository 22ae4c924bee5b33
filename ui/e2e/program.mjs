// The real headless program, on its own port with its own data folder.
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const BINARY = process.env.MAMMOUTH_PROXY_BIN ?? join(import.meta.dirname, "../../target/debug/mammouth-proxy");
export const KEY = "e2e-test-key-7d1c94ab03f658e2";
const LIMIT_MS = 60_000;

export class Program {
  /** Starts it; without an upstream it is the demo. */
  static async start({ upstream } = {}) {
    const program = new Program();
    program.folder = await mkdtemp(join(tmpdir(), "mammouth-proxy-ui-"));
    program.dataDir = join(program.folder, "data");
    const extra = upstream ? [] : ["--demo"];
    // There is no keychain here: added accounts go into the encrypted file.
    const env = upstream ? { MAMMOUTH_WEB_URL: upstream, SECRET_KEY_FILE: join(program.folder, "key") } : {};
    if (upstream) {
      await mkdir(program.dataDir, { mode: 0o700 });
      await writeFile(join(program.dataDir, "settings.toml"), 'version = 1\nsecret_store = "file"\n', { mode: 0o600 });
    }
    program.child = spawn(BINARY, ["serve", ...extra, "--port", "0", "--data-dir", program.dataDir], {
      cwd: program.folder,
      env: { PATH: process.env.PATH, HOME: program.folder, AUTH_TOKEN: KEY, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    program.ended = new Promise((done) => program.child.once("close", (code) => done(code)));
    program.stderr = "";
    program.child.stderr.on("data", (data) => (program.stderr += data));
    program.url = await program.#address();
    program.token = (await readFile(join(program.dataDir, upstream ? "" : "demo", "control-token"), "utf8")).trim();
    return program;
  }

  /** Calls a command of the control API, like the command line. */
  async control(name, args = {}) {
    const response = await fetch(`${this.url}/control/${name}`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      body: JSON.stringify(args),
    });
    const answer = await response.json();
    if (!response.ok) throw Object.assign(new Error(`${name}: ${JSON.stringify(answer)}`), { code: answer.error?.code });
    return answer;
  }

  /** Sends one chat request; returns the status. */
  async chat(model, text = "Hello") {
    const response = await fetch(`${this.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
      body: JSON.stringify({ model, messages: [{ role: "user", content: text }] }),
    });
    await response.text();
    return response.status;
  }

  async stop() {
    const limit = setTimeout(() => this.child.kill("SIGKILL"), LIMIT_MS);
    this.child.kill("SIGTERM");
    const code = await this.ended;
    clearTimeout(limit);
    await rm(this.folder, { recursive: true });
    return code;
  }

  #address() {
    return new Promise((found, fail) => {
      const limit = setTimeout(() => this.child.kill("SIGKILL"), LIMIT_MS);
      createInterface({ input: this.child.stdout }).on("line", (line) => {
        const address = line.split("listening on ")[1];
        if (!address) return;
        clearTimeout(limit);
        found(address.trim());
      });
      this.child.once("error", fail);
      this.ended.then(() => fail(new Error(`it ended before it listened: ${this.stderr}`)));
    });
  }
}
