// Starts the real program in demo mode, and reads its request log.
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import OpenAI from "openai";

const BINARY = process.env.MAMMOUTH_PROXY_BIN;
export const KEY = "sdk-test-key-0f4b7c21d9a85e36";
const SECONDS = 30;
const LOG_READS = 500;

/** A running `mammouth-proxy serve --demo` on a port of its own, with a data directory of its own. */
export class Program {
  static async start(settings) {
    const program = new Program();
    program.folder = await mkdtemp(join(tmpdir(), "mammouth-proxy-sdk-"));
    program.dataDir = join(program.folder, "data");
    if (settings) {
      // A demo keeps to a folder of its own.
      await mkdir(join(program.dataDir, "demo"), { recursive: true });
      await writeFile(join(program.dataDir, "demo", "settings.toml"), settings);
    }
    program.options = {
      cwd: program.folder,
      env: { PATH: process.env.PATH, HOME: program.folder, AUTH_TOKEN: KEY },
    };
    program.child = spawn(BINARY, ["serve", "--demo", "--port", "0", "--data-dir", program.dataDir], {
      ...program.options,
      stdio: ["ignore", "pipe", "pipe"],
    });
    program.ended = new Promise((done) => program.child.once("close", (code) => done(code)));
    program.stderr = "";
    program.child.stderr.on("data", (data) => (program.stderr += data));
    try {
      program.url = await program.#address();
    } catch (error) {
      await rm(program.folder, { recursive: true });
      throw error;
    }
    return program;
  }

  client(options = {}) {
    return new OpenAI({ baseURL: `${this.url}/v1`, apiKey: KEY, timeout: SECONDS * 1000, ...options });
  }

  /** The request log once it holds `count` records: they are written after the answers, a moment later. */
  async log(count) {
    let records = [];
    for (let read = 0; read < LOG_READS && records.length < count; read++) {
      records = await this.records();
    }
    if (records.length !== count) throw new Error(`${count} records were expected: ${JSON.stringify(records)}`);
    return records;
  }

  /** The request log as it is. */
  async records() {
    const { stdout } = await promisify(execFile)(BINARY, ["logs", "--json", "--data-dir", this.dataDir], this.options);
    return stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  /** Asks it to end and gives its exit code. */
  async stop() {
    const limit = setTimeout(() => this.child.kill("SIGKILL"), SECONDS * 1000);
    this.child.kill("SIGTERM");
    const code = await this.ended;
    clearTimeout(limit);
    await rm(this.folder, { recursive: true });
    return code;
  }

  async #address() {
    const limit = setTimeout(() => this.child.kill("SIGKILL"), SECONDS * 1000);
    try {
      return await new Promise((found, fail) => {
        createInterface({ input: this.child.stdout }).on("line", (line) => {
          const address = line.split("listening on ")[1];
          if (address) found(address.trim());
        });
        this.child.once("error", fail);
        this.ended.then(() => fail(new Error(`it ended before it listened: ${this.stderr}`)));
      });
    } finally {
      clearTimeout(limit);
    }
  }
}
