// Recomputes a checkpoint's population statistics over the whole training set without training: the same computation, by the
// same kinds of workers, as at the end of a run with `--population exact`.
import type { Checkpoint } from "../shared/checkpoint/checkpoint.js";
import { dataEvent } from "../shared/data/data-event.js";
import type { Events } from "../shared/events.js";
import { CheckpointWriter } from "./checkpoint-writer.js";
import { computeExactPopulation } from "./exact-population.js";
import { assembleRun, type RunPlan } from "./run.js";
import { StepPlanner } from "./step-plan.js";
import { InterruptedError } from "./workers/pool.js";

export interface RecalibrationPlan extends Omit<RunPlan, "training" | "initial" | "resumeFrom"> {
  /** Provides the weights. `config` is the configuration that the statistics are computed with. */
  checkpoint: Checkpoint;
}

export type RecalibrationOutcome =
  { ended: "finished"; samples: number } | { ended: "interrupted" };

/**
 * Writes a copy of the checkpoint that has these statistics.
 * @param stop when aborted, ends the computation; nothing is written
 * @throws TandemError with exit code 1 on failure
 */
export async function runRecalibration(
  plan: RecalibrationPlan,
  events: Events,
  stop: AbortSignal,
): Promise<RecalibrationOutcome> {
  const { checkpoint, data, output: path } = plan;
  const resumeFrom = checkpoint;
  const parts = { ...plan, resumeFrom };
  const outcome = await assembleRun<RecalibrationOutcome>(parts, events, async (run) => {
    const { layout, replica, pool } = run;
    const { step } = replica;
    events.emit(dataEvent(data));
    const planner = new StepPlanner(layout, data, 0);
    try {
      replica.population.set(
        await computeExactPopulation({ replica, planner, pool, events }, stop),
      );
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      return { ended: "interrupted" };
    }
    const mixedSince = mixedSinceOf(plan);
    const writer = new CheckpointWriter(path, events, {
      lastStep: step,
      mixedSince: () => mixedSince,
    });
    writer.write({
      config: { ...checkpoint.config, population: "exact" },
      step,
      tensors: replica.snapshot("with-slots"),
      suspectSteps: [...(checkpoint.suspectSteps ?? []), ...pool.suspectSteps],
    });
    await writer.finish();
    return { ended: "finished", samples: planner.trainingSize.samples };
  });
  // Emitted last, after the workers have left.
  if (outcome.ended === "finished") {
    events.emit({ event: "recalibrated", path, samples: outcome.samples });
  }
  return outcome;
}

/** Statistics from another engine or from a machine with different numerics may differ in the last bits. */
function mixedSinceOf({ checkpoint, numerics }: RecalibrationPlan): number | undefined {
  const { config, step, mixedSince } = checkpoint;
  return numerics === config.numerics ? mixedSince : (mixedSince ?? step);
}
