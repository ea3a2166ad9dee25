// Inflicts a seeded series of faults on a real run, and compares its final file with that of a run without faults.
//   node scripts/chaos.mjs [--steps 300] [--faults 64] [--seed 1] [--workers 3] [--broadcast weights|updates] [--tls]
//     [--batch-norm sync]  the shards of a step wait for each other at every layer
//     [--rate 20mbit]      limits the link of the worker in the network namespace
//     [--relays 2]         workers join through relays, which are killed, frozen and interrupted too
//     [--minutes 20]       after which it has failed; more on a busy machine
// Besides the honest workers, misbehaving peers connect from time to time.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Random } from "../dist/shared/random.js";
import { makeCertificate } from "./faults/certificate.mjs";
import { canMakeNamespaces, Namespace } from "./faults/namespace.mjs";
import { Command, digestOf } from "./faults/processes.mjs";
import { Storm } from "./faults/storm.mjs";
import { stormText } from "./faults/storm-report.mjs";
import { temporaryFolder } from "./faults/temporary-folder.mjs";

const { values: options } = parseArgs({
  options: {
    steps: { type: "string", default: "300" },
    faults: { type: "string", default: "64" },
    seed: { type: "string", default: "1" },
    workers: { type: "string", default: "3" },
    broadcast: { type: "string", default: "weights" },
    "batch-norm": { type: "string", default: "ghost" },
    tls: { type: "boolean", default: false },
    rate: { type: "string", default: "" },
    relays: { type: "string", default: "0" },
    minutes: { type: "string", default: "20" },
  },
});
const steps = Number(options.steps);
const faultCount = Number(options.faults);
const workerCount = Number(options.workers);
const relayCount = Number(options.relays);
const TOKEN = "a-token-for-the-storm";

const folder = temporaryFolder("tandem-chaos-");
const tokenFile = join(folder, "token");
writeFileSync(tokenFile, TOKEN);
const random = new Random(Number(options.seed), "chaos");
const namespace = canMakeNamespaces() ? new Namespace() : undefined;
if (namespace && options.rate !== "") namespace.limit(options.rate, "64k");
const hosts = ["127.0.0.1", ...(namespace ? [namespace.hostAddress] : [])];
const tls = options.tls ? makeCertificate(folder, hosts) : undefined;
const batchNorm = options["batch-norm"];
const training = [
  ...["--steps", `${steps}`, "--shards", "4", "--eval-every", "100"],
  ...["--batch-norm", batchNorm],
];

/** @param {string} text */
const log = (text) => process.stderr.write(`${text}\n`);

log(`calm run: single, ${steps} steps in 4 shards …`);
const calmFile = join(folder, "calm.safetensors");
const calm = new Command(["single", ...training, "--output", calmFile], { cwd: folder });
if ((await calm.ended).code !== 0) throw new Error(calm.stderr);

const settings = [
  ...[`seed ${options.seed}`, `${steps} steps`, `--broadcast ${options.broadcast}`],
  ...(batchNorm === "ghost" ? [] : [`--batch-norm ${batchNorm}`]),
  ...(relayCount === 0 ? [] : [`${relayCount} relays`]),
  ...(tls ? ["TLS"] : []),
  ...(options.rate === "" ? [] : [`one worker at ${options.rate}`]),
].join(", ");
log(`storm: ${faultCount} faults, ${workerCount} workers and a visitor …`);
const storm = new Storm({
  ...{ folder, training, steps, token: TOKEN, tokenFile, tls, namespace, random },
  ...{ workerCount, relayCount, faultCount },
  broadcast: options.broadcast,
  deadlineMs: 60_000 * Number(options.minutes),
});
// Cleans up however the script ends.
process.on("exit", () => {
  storm.killAll();
  namespace?.remove();
});
let failed = false;
try {
  await storm.start();
  const startMs = performance.now();
  await Promise.all([storm.inflictAll(), storm.end()]);
  const seconds = (performance.now() - startMs) / 1000;
  const digests = { calm: digestOf(calmFile), storm: digestOf(storm.output) };
  const total = Object.values(storm.counts).reduce((sum, count) => sum + count, 0);
  failed = digests.calm !== digests.storm || total < faultCount;
  const { counts, longestStallMs, backups } = storm;
  process.stdout.write(
    stormText({
      ...{ settings, seconds, counts, digests, longestStallMs, backups },
      ...{ missing: faultCount - total, stepsAgain: storm.stepEvents - steps },
      relayJoins: storm.relays?.joinCount,
    }),
  );
} finally {
  storm.killAll();
  await storm.relays?.end();
}
process.exit(failed ? 1 : 0);
