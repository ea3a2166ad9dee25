// A run across a network: a coordinator and two workers, each worker in a network namespace with its own cable of limited rate.
import { readFileSync } from "node:fs";
import { Namespace } from "../faults/namespace.mjs";
import { Command } from "../faults/processes.mjs";
import { MemorySampler } from "./memory.mjs";

/**
 * @param {object} run
 * @param {string} run.rate of each cable, such as "1gbit"
 * @param {string} run.broadcast
 * @param {string[]} run.training options of the run
 * @param {string} run.folder for its files
 * @param {{steps: number, warmUp: number}} run.counts
 * @returns the coordinator's command, which has ended; MB per worker and step in each direction; the processes' memory
 */
export async function runOnCables({ rate, broadcast, training, folder, counts }) {
  const { steps, warmUp } = counts;
  const places = [new Namespace(), new Namespace()];
  try {
    for (const place of places) place.limit(rate, "256k");
    const listen = ["--host", "0.0.0.0", "--insecure", "--port", "0", "--min-workers", "2"];
    const coordinator = new Command(
      ["coordinator", ...listen, "--broadcast", broadcast, ...training],
      { cwd: folder },
    );
    const { port } = new URL(await coordinator.url());
    const workers = places.map(
      (place) =>
        new Command(["worker", `ws://${place.hostAddress}:${port}`], {
          cwd: folder,
          prefix: place.prefix,
        }),
    );
    const memory = {
      coordinator: new MemorySampler(coordinator.child.pid),
      worker: new MemorySampler(workers[0]?.child.pid),
    };
    const readCounters = (/** @type {string} */ name) =>
      places.map((place) =>
        Number(readFileSync(`/sys/class/net/${place.cable}/statistics/${name}`, "utf8")),
      );
    await coordinator.event((event) => event.event === "step" && event["step"] === warmUp);
    const before = { up: readCounters("rx_bytes"), down: readCounters("tx_bytes") };
    await coordinator.event((event) => event.event === "step" && event["step"] === steps);
    const after = { up: readCounters("rx_bytes"), down: readCounters("tx_bytes") };
    const moved = (/** @type {"up" | "down"} */ way) =>
      ((after[way][0] ?? 0) - (before[way][0] ?? 0)) / (steps - warmUp) / 1e6;
    await Promise.all([coordinator.ended, ...workers.map((worker) => worker.ended)]);
    for (const sampler of Object.values(memory)) sampler.stop();
    return { coordinator, up: moved("up"), down: moved("down"), memory };
  } finally {
    for (const place of places) place.remove();
  }
}
