// Training as a program sees it: a run whose events can be read one by one, and a result.
import type { ReportedEvent } from "../shared/run-event.js";
import { EventQueue } from "./event-queue.js";
import { inLibraryTerms } from "./option-names.js";
import type { RunResult } from "./run-request.js";
import { startRun } from "./start-run.js";
import { requestOf, type TrainOptions } from "./train-options.js";

/**
 * A run in progress. Iterating over it gives its events as they happen, once: a second loop goes on where the first stopped.
 * A reader who falls behind loses the oldest step events beyond 1,000 (and of all events those beyond 20,000); one who
 * leaves the loop loses the rest. Neither stops the run.
 */
export interface Run extends AsyncIterable<ReportedEvent> {
  /**
   * Resolves when the run is over, also where `signal` ended it; rejects with a {@link TandemError} where it failed.
   * A loop over the events throws the same error, so it need not be caught in both places.
   */
  readonly result: Promise<RunResult>;
}

/**
 * Trains a network. The run begins at once; it writes the checkpoint and, where asked for, summaries, and nothing else:
 * not to standard output or error, and it neither ends the process nor handles signals.
 *
 * Runs of one process come one after the other. Two at a time work as well, with outputs of their own, and share its
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
  // Whoever loops over the events gets the failure there.
  result.catch(() => undefined);
  return { result, [Symbol.asyncIterator]: () => queue };
}

async function runToEnd(options: TrainOptions, queue: EventQueue): Promise<RunResult> {
  try {
    // The caller gets the run before it begins.
    await Promise.resolve();
    const result = await startRun(requestOf(options, (event) => queue.push(event)));
    queue.close();
    return result;
  } catch (error) {
    const reason = inLibraryTerms(error);
    queue.close({ reason });
    throw reason;
  }
}
