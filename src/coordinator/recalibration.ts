// The population statistics of the whole training set for the weights of a checkpoint, without a step of training: the same
// computation as at the end of a run with `--population exact`, and by the same kinds of workers.
import type { Checkpoint } from "../shared/checkpoint/checkpoint.js";
import { dataEvent } from "../shared/data/data-event.js";
import type { Events } from "../shared/events.js";
import { CheckpointWriter } from "./checkpoint-writer.js";
import { computeExactPopulation } from "./exact-population.js";
import { assembleRun, type RunPlan } from "./run.js";
import { StepPlanner } from "./step-plan.js";
import { InterruptedError } from "./workers/pool.js";

export interface RecalibrationPlan extends Omit<RunPlan, "training" | "initial" | "resumeFrom"> {
  /** Whose weights they are. The plan's own configuration is what it is computed with. */
  checkpoint: Checkpoint;
}

export type RecalibrationOutcome =
  { ended: "finished"; samples: number } | { ended: "interrupted" };

/**
 * Writes the checkpoint anew with these statistics.
 * @param stop ends it before anything is written
 * @throws TandemError with exit code 1 where it fails
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
  // The last event: by now the workers have left.
  if (outcome.ended === "finished") {
    events.emit({ event: "recalibrated", path, samples: outcome.samples });
  }
  return outcome;
}

/** Statistics by another engine or on a machine of other numerics are not those that the configuration stands for. */
function mixedSinceOf({ checkpoint, numerics }: RecalibrationPlan): number | undefined {
  const { config, step, mixedSince } = checkpoint;
  return numerics === config.numerics ? mixedSince : (mixedSince ?? step);
}
