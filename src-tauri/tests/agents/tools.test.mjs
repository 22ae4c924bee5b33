// What agents do with tools beyond one change of a file: search among them, search the web, and many calls in a row.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { Program } from "../sdk/node/program.mjs";
import { CLAUDE, CODEX, CODEX_WITH_MCP, UPSTREAMS, run } from "./agents.mjs";

const CALLS = 30;

/** Runs an agent with a prompt made for its project; gives its words, the project and the statuses of its requests. */
async function session(settings, agent, prompt, requests) {
  const program = await Program.start(settings);
  try {
    const [home, project] = [join(program.folder, "home"), join(program.folder, "project")];
    await Promise.all([mkdir(home), mkdir(project)]);
    const words = await run(agent, { home, project, url: program.url, prompt: prompt(project) });
    const written = await readFile(join(project, "lines.txt"), "utf8").catch(() => "");
    const statuses = (await program.log(requests)).map((record) => record.status);
    return { words, written, statuses };
  } finally {
    await program.stop();
  }
}

/** One order a line, each to be carried out once the one before has its result. */
function inTurn(tool, argument, project) {
  const command = (at) => JSON.stringify({ [argument]: `echo ${at} >> '${project}/lines.txt'` });
  return Array.from({ length: CALLS }, (_, at) => `step: ${tool} ${command(at)}`).join("\n");
}

for (const { prefer, settings } of UPSTREAMS) {
  test(`Codex finds and calls a tool of an MCP server, ${prefer}`, async () => {
    const prompt = () =>
      'step: tool_search {"query": "glossary"}\nstep: mcp__glossary__lookup_word {"word": "mammouth"}';
    const { words, statuses } = await session(settings, CODEX_WITH_MCP, prompt, 3);
    assert.match(words, /The tools said: .*mcp__glossary__lookup_word.*In the glossary, mammouth is a woolly animal\./s);
    assert.deepEqual(statuses, [200, 200, 200]);
  });

  test(`Claude Code shows that the web cannot be searched, ${prefer}`, async () => {
    const prompt = () => 'call: WebSearch {"query": "mammoth population"}';
    const { words, statuses } = await session(settings, CLAUDE, prompt, 3);
    assert.match(words, /web_search is not available through this proxy/);
    assert.deepEqual(statuses.toSorted(), [200, 200, 400]);
  });

  for (const [name, agent, tool, argument] of [
    ["Codex", CODEX, "exec_command", "cmd"],
    ["Claude Code", CLAUDE, "Bash", "command"],
  ]) {
    test(`${name} makes ${CALLS} calls in a row, ${prefer}`, async () => {
      const prompt = (project) => inTurn(tool, argument, project);
      const { words, written, statuses } = await session(settings, agent, prompt, CALLS + 1);
      const expected = Array.from({ length: CALLS }, (_, at) => `${at}\n`).join("");
      assert.equal(written, expected, words);
      assert.ok(statuses.every((status) => status === 200), statuses.join(" "));
    });
  }
}
