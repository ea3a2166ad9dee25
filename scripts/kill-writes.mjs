// Sends SIGKILL at random moments while checkpoints are written. Each time the file must load and be one of the two states.
//   node scripts/kill-writes.mjs [--kills 200] [--seed 1]
import { spawn } from "node:child_process";
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { removeLeftovers } from "../dist/shared/checkpoint/output-lock.js";
import { readCheckpoint } from "../dist/shared/checkpoint/checkpoint.js";
import { Random } from "../dist/shared/random.js";
import { Command, digestOf, ROOT } from "./faults/processes.mjs";
import { temporaryFolder } from "./faults/temporary-folder.mjs";

const { values: options } = parseArgs({
  options: { kills: { type: "string", default: "200" }, seed: { type: "string", default: "1" } },
});
const random = new Random(Number(options.seed), "kill-writes");
const folder = temporaryFolder("tandem-kill-");
const [a, b, output] = ["a", "b", "output"].map((name) => join(folder, `${name}.safetensors`));
if (!a || !b || !output) throw new Error("no names");

for (const [file, steps] of [
  [a, "0"],
  [b, "2"],
]) {
  if (!file || !steps) continue;
  const run = new Command(["single", "--steps", steps, "--eval-every", "0", "--output", file], {
    cwd: folder,
  });
  if ((await run.ended).code !== 0) throw new Error(run.stderr);
}
const known = new Map([
  [digestOf(a), "first"],
  [digestOf(b), "second"],
]);
copyFileSync(a, output);

const counts = { first: 0, second: 0, bad: 0, leftovers: 0 };
for (let kill = 0; kill < Number(options.kills); kill++) {
  const writer = spawn(
    process.execPath,
    [join(ROOT, "scripts/faults/endless-writer.mjs"), a, b, output],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  await new Promise((resolve) => writer.stdout.once("data", resolve));
  await delay(random.uniform() * 250);
  const ended = new Promise((resolve) => writer.once("close", resolve));
  writer.kill("SIGKILL");
  await ended;
  const which = known.get(digestOf(output));
  try {
    readCheckpoint(output);
    counts[which === "first" ? "first" : which === "second" ? "second" : "bad"]++;
  } catch {
    counts.bad++;
  }
  if (readdirSync(folder).some((name) => name.endsWith(".tmp"))) counts.leftovers++;
  removeLeftovers(output);
}
const clean = readdirSync(folder).every((name) => !name.endsWith(".tmp"));
process.stdout.write(
  `${options.kills} kills: the file was the first state ${counts.first} times, the second ${counts.second} times, anything else ${counts.bad} times; ${counts.leftovers} kills left a temporary file, ${clean ? "none is left now" : "NOT removed"}\n`,
);
process.exit(counts.bad === 0 && clean ? 0 : 1);
