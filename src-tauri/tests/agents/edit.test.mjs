// Each agent changes a file, once with a model behind web sessions and once with one behind an API key.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { Program } from "../sdk/node/program.mjs";
import { AGENTS, UPSTREAMS, run } from "./agents.mjs";

// The agent asks what to do, tells what it read, and tells that the file is changed.
const REQUESTS = 3;

for (const agent of AGENTS) {
  for (const { prefer, accounts, settings } of UPSTREAMS) {
    test(`${agent.name}, ${prefer}`, async () => {
      const program = await Program.start(settings);
      try {
        const [home, project] = [join(program.folder, "home"), join(program.folder, "project")];
        await Promise.all([mkdir(home), mkdir(project)]);
        const file = join(project, "greeting.py");
        await writeFile(file, 'first = 1\ngreeting = "hello"\nlast = "Grüße"\n');

        const prompt = `edit: ${file} :: "hello" => "bonjour" + "猛犸"  # changed`;
        const words = await run(agent, { home, project, url: program.url, prompt });

        const changed = 'first = 1\ngreeting = "bonjour" + "猛犸"  # changed\nlast = "Grüße"\n';
        assert.equal(await readFile(file, "utf8"), changed, words);
        assert.match(words, /Done: I changed .*greeting\.py/);
        for (const record of await program.log(REQUESTS)) {
          assert.deepEqual([record.dialect, record.status, record.stream], [agent.dialect, 200, true]);
          assert.ok(accounts.includes(record.account), `served by ${record.account}`);
        }
      } finally {
        await program.stop();
      }
    });
  }
}
