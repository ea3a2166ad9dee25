// Measures the cost of a fault: the longest gap between two steps after it, minus the usual gap. Two workers, MNIST, batches of 50.
//   node scripts/fault-cost.mjs [--times 9]
import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { canMakeNamespaces, Namespace } from "./faults/namespace.mjs";
import { Command } from "./faults/processes.mjs";
import { median } from "./figures.mjs";
import { temporaryFolder } from "./faults/temporary-folder.mjs";

const { values: options } = parseArgs({ options: { times: { type: "string", default: "9" } } });
const times = Number(options.times);

/**
 * @param {string} kind
 * @param {(worker: Command, namespace: Namespace | undefined) => Promise<void>} inflict resolves when the fault is over
 */
async function costOf(kind, inflict) {
  const folder = temporaryFolder("tandem-cost-");
  const namespace = kind === "link down" ? new Namespace() : undefined;
  /** @type {number[]} */
  const stepTimes = [];
  const args = ["--steps", "1000000", "--shards", "2", "--eval-every", "0", "--json"];
  const coordinator = new Command(
    ["coordinator", ...args, "--host", "0.0.0.0", "--insecure", "--port", "0"],
    { cwd: folder, onEvent: ({ event }) => event === "step" && stepTimes.push(performance.now()) },
  );
  const { port } = new URL(await coordinator.url());
  const host = namespace?.hostAddress ?? "127.0.0.1";
  const start = (/** @type {string} */ address, /** @type {string[]} */ prefix) =>
    new Command(["worker", `ws://${address}:${port}`], { cwd: folder, prefix });
  const steady = start("127.0.0.1", []);
  let victim = start(host, namespace?.prefix ?? []);
  /** @type {number[]} */
  const lost = [];
  try {
    for (let time = 0; time < times; time++) {
      await bothWork(coordinator, stepTimes);
      const usual = gaps(stepTimes.slice(-20));
      const from = stepTimes.length - 1;
      await inflict(victim, namespace);
      await delay(500);
      lost.push(Math.max(...gaps(stepTimes.slice(from))) - median(usual));
      if (!victim.isAlive) victim = start(host, namespace?.prefix ?? []);
    }
  } finally {
    for (const command of [coordinator, steady, victim]) command.kill("SIGKILL");
    await Promise.all([coordinator.ended, steady.ended, victim.ended]);
    namespace?.remove();
    rmSync(folder, { recursive: true, force: true });
  }
  process.stdout.write(
    `| ${kind} | ${median(lost).toFixed(0)} | ${Math.max(...lost).toFixed(0)} | ${times} |\n`,
  );
}

/** @param {number[]} stamps */
function gaps(stamps) {
  return stamps.slice(1).map((stamp, index) => stamp - (stamps[index] ?? stamp));
}

/** Waits until both workers are back, and for some more steps. @param {Command} coordinator @param {number[]} stepTimes */
async function bothWork(coordinator, stepTimes) {
  const there = () =>
    coordinator.events.filter((event) => event["state"] === "joined").length -
    coordinator.events.filter((event) => event["state"] === "left").length;
  while (there() < 2) await delay(20);
  const wanted = stepTimes.length + 40;
  while (stepTimes.length < wanted) await delay(20);
}

process.stdout.write("| fault | median ms lost | worst | n |\n| --- | --- | --- | --- |\n");
await costOf("kill", async (worker) => {
  worker.kill("SIGKILL");
  await worker.ended;
});
await costOf("freeze for 3 s", async (worker) => {
  worker.kill("SIGSTOP");
  await delay(3_000);
  worker.kill("SIGCONT");
});
await costOf("freeze for good", async (worker) => {
  worker.kill("SIGSTOP");
  await delay(13_000);
  worker.kill("SIGKILL");
});
if (canMakeNamespaces()) {
  await costOf("link down", async (_worker, namespace) => {
    namespace?.pull();
    await delay(3_000);
    namespace?.plug();
  });
}
