// Damaged messages and allocation bombs, made by a small grammar, against all that reads them: the decoders in this process,
// a live coordinator, the tasks of a live run, a real worker's stream, a relay in a live run, and live workers and relays.
//   node scripts/fuzz.mjs [--inputs 1000000] [--connections 40000] [--answers 500] [--messages 5000] [--relayed 2000]
//     [--hostile 200] [--steps 200] [--batch-norm ghost] [--seed 1] [--finds FOLDER]
// 0 leaves a part out. An input that is too much for a decoder is written to the folder of finds (test/fuzz/finds), from
// where the tests read it. Exits with 1 on any find, death or changed result.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Random } from "../dist/shared/random.js";
import { ROOT } from "./faults/processes.mjs";
import { fuzzDecoders } from "./fuzz/decoders.mjs";
import { fuzzWorker } from "./fuzz/hostile-coordinator.mjs";
import { Runs } from "./fuzz/live-run.mjs";
import { fuzzStream } from "./fuzz/man-in-the-middle.mjs";
import { fuzzRelays } from "./fuzz/relays.mjs";
import { fuzzAnswers } from "./fuzz/task-holder.mjs";
import { fuzzCoordinator } from "./fuzz/visitors.mjs";

const { values: options } = parseArgs({
  options: {
    inputs: { type: "string", default: "1000000" },
    connections: { type: "string", default: "40000" },
    answers: { type: "string", default: "500" },
    messages: { type: "string", default: "5000" },
    relayed: { type: "string", default: "2000" },
    hostile: { type: "string", default: "200" },
    steps: { type: "string", default: "200" },
    "batch-norm": { type: "string", default: "ghost" },
    seed: { type: "string", default: "1" },
    finds: { type: "string", default: join(ROOT, "test/fuzz/finds") },
  },
});

/** Each part has its own random numbers: leaving one out changes nothing in the others. @param {string} part */
const random = (part) => new Random(Number(options.seed), `fuzz/${part}`);

const runs = new Runs(Number(options.steps), options["batch-norm"]);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    runs.close();
    process.exit(1);
  });
}
/** @type {[number, (count: number) => boolean | Promise<boolean>][]} */
const parts = [
  [
    Number(options.inputs),
    (count) => fuzzDecoders(random("decoders"), count, options.finds, options.seed),
  ],
  [Number(options.connections), (count) => fuzzCoordinator(runs, random("coordinator"), count)],
  [Number(options.answers), (count) => fuzzAnswers(runs, random("answers"), count)],
  [Number(options.messages), (count) => fuzzStream(runs, random("stream"), count)],
  [Number(options.relayed), (count) => fuzzRelays(runs, random("relayed"), count)],
  [Number(options.hostile), (count) => fuzzWorker(runs, random("workers"), count, "worker")],
  [Number(options.hostile), (count) => fuzzWorker(runs, random("relays"), count, "relay")],
];
let holds = true;
try {
  for (const [count, fuzz] of parts) if (count > 0 && !(await fuzz(count))) holds = false;
} finally {
  runs.close();
}
process.exit(holds ? 0 : 1);
