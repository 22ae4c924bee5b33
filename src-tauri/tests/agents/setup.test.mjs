// Each agent is set up in a home where it is configured for something else, works without a variable, and is undone to
// the byte; then it is started by `launch`, which leaves the home as it is.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { Program } from "../sdk/node/program.mjs";
import { MODEL, UPSTREAMS } from "./agents.mjs";
import { CLIENTS, environment, install, settings } from "./setup.mjs";

const BINARY = process.env.MAMMOUTH_PROXY_BIN;
const LIMIT_MS = 120_000;

async function execute(command, args, { cwd, env, input }) {
  const running = promisify(execFile)(command, args, { cwd, env, timeout: LIMIT_MS, killSignal: "SIGKILL" });
  running.child.stdin.end(input);
  const { stdout, stderr } = await running;
  return stdout + stderr;
}

/** A proxy, and a user with this client in a home of their own. */
async function withUser(client, upstream, files, work) {
  const program = await Program.start(upstream.settings);
  try {
    // The data directory lies in the home, as it does for a user.
    const [home, project] = [program.folder, join(program.folder, "project")];
    const place = { home, bin: join(home, "bin") };
    await mkdir(project);
    await install(client, { ...place, files });
    const greeting = join(project, "greeting.py");
    await writeFile(greeting, 'greeting = "hello"\n');
    const env = environment(client, place);
    await work({
      home,
      prompt: `edit: ${greeting} :: "hello" => "bonjour"`,
      run: (command, args, input) => execute(command, args, { cwd: project, env, input }),
      proxy: (...args) => execute(BINARY, [...args, "--data-dir", program.dataDir], { cwd: project, env }),
      /** The agent changed the file, and each of its requests has its name. */
      check: async (words) => {
        assert.equal(await readFile(greeting, "utf8"), 'greeting = "bonjour"\n', words);
        const records = await program.records();
        assert.ok(records.length > 0);
        for (const record of records) {
          assert.deepEqual([record.client, record.status], [client.id, 200]);
          assert.ok(upstream.accounts.includes(record.account), `served by ${record.account}`);
        }
      },
    });
  } finally {
    await program.stop();
  }
}

for (const client of CLIENTS) {
  for (const upstream of client.args ? UPSTREAMS : []) {
    test(`${client.id} is set up and undone, ${upstream.prefer}`, async () => {
      await withUser(client, upstream, client.files, async ({ home, prompt, run, proxy, check }) => {
        await proxy("setup", client.id, "--model", MODEL, "--yes");
        await check(await run(client.program, client.args(prompt), client.input?.(prompt)));
        await proxy("setup", client.id, "--undo", "--yes");
        assert.deepEqual(await settings(home, client.files), client.files);
      });
    });
  }

  if (!client.launchArgs) continue;
  test(`${client.id} is launched and leaves its settings as they are`, async () => {
    const files = client.hostile ?? client.files;
    await withUser(client, UPSTREAMS[1], files, async ({ home, prompt, run, check }) => {
      const launch = ["launch", client.id, "--model", MODEL, "--data-dir", join(home, "data")];
      await check(await run(BINARY, [...launch, "--", ...client.launchArgs(prompt)], client.input?.(prompt)));
      assert.deepEqual(await settings(home, files), files);
    });
  });
}
