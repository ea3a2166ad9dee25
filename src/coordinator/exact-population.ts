// The population statistics of the whole training set, layer by layer: in inference, a batch-norm layer's input depends on the
// statistics of the layers before it, so those are computed first. Workers compute the moments of batches; they are merged here
// in a fixed tree over the batches, so the result depends only on the weights and the training set.
import type { Events } from "../shared/events.js";
import type { Replica } from "../shared/replica/replica.js";
import {
  mergeMoments,
  type Moments,
  type PopulationStatistics,
} from "../shared/statistics/moments.js";
import type { StepPlanner } from "./step-plan.js";
import { InterruptedError, type Pool } from "./workers/pool.js";
import type { MomentsTask, WorkerAnswer } from "./workers/tasks.js";

export interface ExactPopulationParts {
  /** Only its step and layout are used; the workers hold the weights. */
  replica: Pick<Replica, "layout" | "step">;
  planner: StepPlanner;
  pool: Pool;
  events: Events;
}

/**
 * @returns statistics by name of trained batch-norm layer
 * @throws InterruptedError if `signal` is aborted first; and as `Pool.begin`
 */
export async function computeExactPopulation(
  { replica, planner, pool, events }: ExactPopulationParts,
  signal: AbortSignal,
): Promise<Map<string, PopulationStatistics>> {
  const { step, layout } = replica;
  const { populationPasses: passes } = layout;
  const { batches, samples } = planner.trainingSize;
  const total = passes.length * batches;
  const known = new Map<string, PopulationStatistics>();
  let doneBefore = 0;
  for (const [pass, layers] of passes.entries()) {
    const measured: ReadonlyMap<string, Moments>[] = [];
    for await (const tasks of planner.planMoments(step, pass, new Map(known))) {
      if (signal.aborted) throw new InterruptedError();
      const { answers } = pool.begin(tasks, 0, signal, { doneBefore, total });
      measured.push(...momentsOf(tasks, await answers));
      doneBefore += tasks.length;
    }
    for (const { name } of layers) {
      const { mean, variance } = mergeMoments(measured.map((batch) => batch.get(name)!));
      known.set(name, { mean: Float32Array.from(mean), variance: Float32Array.from(variance) });
    }
  }
  events.emit({ event: "population", step, samples });
  return known;
}

/** In the order of the tasks. */
function momentsOf(
  tasks: readonly MomentsTask[],
  answers: ReadonlyMap<number, WorkerAnswer>,
): ReadonlyMap<string, Moments>[] {
  return tasks.map(({ id }) => {
    const answer = answers.get(id)?.answer;
    if (answer?.kind !== "moments") throw new RangeError(`no moments for task ${id}`);
    return answer.result;
  });
}
