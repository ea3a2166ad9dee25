// The library's `train`: a run with an iterator of events and a promise of the result.
import type { ReportedEvent } from "../shared/run-event.js";
import { EventQueue } from "./event-queue.js";
import { toLibraryError } from "./option-names.js";
import type { RunResult } from "./run-request.js";
import { startRun } from "./start-run.js";
import { requestOf, type TrainOptions } from "./train-options.js";

/**
 * A run in progress. Iterating over it yields its events as they happen, each once: a second loop continues where the first
 * stopped. If the reader falls behind, the oldest step events beyond 1,000 (and the oldest events beyond 20,000) are dropped; if it
 * leaves the loop, all further events are. Neither stops the run.
 */
export interface Run extends AsyncIterable<ReportedEvent> {
  /**
   * Resolves when the run is over, also if `signal` ended it; rejects with a {@link TandemError} if it failed.
   * A loop over the events throws the same error, so it need not be handled in both places.
   */
  readonly result: Promise<RunResult>;
}

/**
 * Trains a network. The run starts immediately. It only writes the checkpoint and, if requested, summaries: it does not print,
 * end the process or handle signals.
 *
 * A process usually does one run after the other. Two runs at a time are possible with different outputs; they share the
 * processors.
 *
 * @example
 * const run = train({ network: "cnn", data: await idx("data/"), steps: 500, output: "cnn.safetensors" });
 * for await (const event of run) if (event.event === "evaluation") console.log(event.testAccuracy);
 * const { testAccuracy } = await run.result;
 */
export function train(options: TrainOptions): Run {
  const queue = new EventQueue();
  const result = runToEnd(options, queue);
  // A caller that only loops over the events gets the failure there.
  result.catch(() => undefined);
  return { result, [Symbol.asyncIterator]: () => queue };
}

async function runToEnd(options: TrainOptions, queue: EventQueue): Promise<RunResult> {
  try {
    // The caller gets the run before it starts.
    await Promise.resolve();
    const result = await startRun(requestOf(options, (event) => queue.push(event)));
    queue.close();
    return result;
  } catch (error) {
    const reason = toLibraryError(error);
    queue.close({ reason });
    throw reason;
  }
}
