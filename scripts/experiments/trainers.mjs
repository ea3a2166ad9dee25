// The training processes: one per core, with one thread each. Each run is trained by the next free process.
import { fork } from "node:child_process";
import { join } from "node:path";

/** @typedef {import("./grid.mjs").Run} Run */
/** @typedef {import("./results.mjs").Outcome} Outcome */

const TRAINER = join(import.meta.dirname, "trainer.mjs");

class Trainer {
  constructor() {
    this.child = fork(TRAINER, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  }

  /** @param {Run} run @returns {Promise<Outcome>} */
  train(run) {
    return new Promise((resolve, reject) => {
      const onExit = (/** @type {number | null} */ code) => {
        reject(new Error(`a training process ended with ${code ?? "a signal"}`));
      };
      this.child.once("exit", onExit);
      this.child.once("message", (answer) => {
        this.child.off("exit", onExit);
        const { outcome, failure } = /** @type {{outcome?: Outcome, failure?: string}} */ (answer);
        if (outcome) resolve(outcome);
        else reject(new Error(failure));
      });
      this.child.send(run);
    });
  }

  end() {
    this.child.disconnect();
  }
}

/**
 * @param {Iterable<Run>} runs
 * @param {number} count of processes
 * @param {(run: Run, outcome: Outcome, seconds: number) => void} onOutcome called in the order in which runs end
 */
export async function trainAll(runs, count, onOutcome) {
  const queue = runs[Symbol.iterator]();
  const trainers = Array.from({ length: count }, () => new Trainer());
  const trainQueued = async (/** @type {Trainer} */ trainer) => {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const startMs = performance.now();
      const outcome = await trainer.train(next.value);
      onOutcome(next.value, outcome, (performance.now() - startMs) / 1000);
    }
  };
  try {
    await Promise.all(trainers.map(trainQueued));
  } finally {
    for (const trainer of trainers) trainer.end();
  }
}
