// The evaluation of a test set that is too large to be in memory at once: window by window, each gathered while the one before is
// computed. Of what has been evaluated the targets stay, for the metrics and for those who look at predictions, and of the first
// window also the inputs, for the pictures of mistakes.
import type { Samples } from "../shared/data/samples.js";
import type { Metrics } from "../shared/evaluation.js";
import type { StatisticsByLayer } from "../shared/replica/inference.js";
import { metricsOfBatches, type StepPlanner } from "./step-plan.js";
import { InterruptedError, type Pool } from "./workers/pool.js";
import type { Answered, EvaluationTask } from "./workers/tasks.js";

export interface TestEvaluation {
  metrics: Metrics;
  /** Batch by batch; after the first window without their inputs. */
  tasks: EvaluationTask[];
  answers: ReadonlyMap<number, Answered>;
}

/**
 * With the present weights, which must not change until it is done.
 * @param known statistics to use in the place of the replicas' own
 * @throws InterruptedError where `signal` is given before it is done, and as `Pool.begin`
 */
export async function evaluateTestSet(
  { planner, pool }: { planner: StepPlanner; pool: Pool },
  step: number,
  signal: AbortSignal,
  known?: StatisticsByLayer,
): Promise<TestEvaluation> {
  const total = planner.testBatchCount;
  const done: EvaluationTask[] = [];
  const answers = new Map<number, Answered>();
  for await (const tasks of planner.planTestWindows(step, known)) {
    if (signal.aborted && done.length > 0) throw new InterruptedError();
    const { answers: pending } = pool.begin(tasks, 0, signal, { doneBefore: done.length, total });
    for (const [id, answered] of await pending) answers.set(id, answered);
    done.push(...(done.length === 0 ? tasks : tasks.map(withoutInputs)));
  }
  return { metrics: metricsOfBatches(done, answers), tasks: done, answers };
}

function withoutInputs(task: EvaluationTask): EvaluationTask {
  const { count, inputs, targets } = task.samples;
  const samples: Samples = { count, inputs: inputs.slice(0, 0), targets };
  return { ...task, samples };
}
