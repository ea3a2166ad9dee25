// Evaluates a test set that is too large to be in memory at once, window by window; the next window is loaded while the current
// one is computed. The targets of all samples are kept for the metrics and the reported predictions; inputs are kept for the
// first window only, where the page takes its images of mistakes from.
import type { Samples } from "../shared/data/samples.js";
import type { Metrics } from "../shared/evaluation.js";
import type { StatisticsByLayer } from "../shared/replica/inference.js";
import { metricsOfBatches, type StepPlanner } from "./step-plan.js";
import { InterruptedError, type Pool } from "./workers/pool.js";
import type { EvaluationTask, WorkerAnswer } from "./workers/tasks.js";

export interface TestEvaluation {
  metrics: Metrics;
  /** Batch by batch; those after the first window without inputs. */
  tasks: EvaluationTask[];
  answers: ReadonlyMap<number, WorkerAnswer>;
}

/**
 * Uses the current weights, which must not change until the evaluation is done.
 * @param known statistics to use instead of the replicas' own
 * @throws InterruptedError if `signal` is aborted first; and as `Pool.begin`
 */
export async function evaluateTestSet(
  { planner, pool }: { planner: StepPlanner; pool: Pool },
  step: number,
  signal: AbortSignal,
  known?: StatisticsByLayer,
): Promise<TestEvaluation> {
  const total = planner.testBatchCount;
  const done: EvaluationTask[] = [];
  const answers = new Map<number, WorkerAnswer>();
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
