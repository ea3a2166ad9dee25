// What a step consists of: the shards of its global batch and, at an evaluation, batches of the test set and of the global
// batch itself.
import {
  type DataSource,
  MemorySet,
  type Samples,
  type SampleSet,
  sliceSamples,
} from "../shared/data/samples.js";
import { Sampler } from "../shared/data/sampler.js";
import { evaluationBatches, type Metrics, metricsOf } from "../shared/evaluation.js";
import type { ShardResult } from "../shared/replica/tensors.js";
import type { RunLayout } from "../shared/run-layout.js";
import type { Answered, EvaluationTask, ShardTask, Task } from "./workers/tasks.js";

export interface StepPlan {
  step: number;
  isEvaluated: boolean;
  /** All tasks, in the order in which they are assigned. */
  tasks: Task[];
  shards: ShardTask[];
  /** Of an evaluation: batches of the global batch, and of the test set. */
  trainingBatches: EvaluationTask[];
  testBatches: EvaluationTask[];
}

export class StepPlanner {
  private readonly layout: RunLayout;
  private readonly data: DataSource;
  private readonly evalEvery: number;
  private readonly sampler: Sampler;
  private nextTaskId = 0;

  /** @param evalEvery steps between evaluations; 0: none */
  constructor(layout: RunLayout, data: DataSource, evalEvery: number) {
    this.layout = layout;
    this.data = data;
    this.evalEvery = evalEvery;
    const { seed, batchSize } = layout.config;
    this.sampler = new Sampler(seed, data.training.count, batchSize);
  }

  async plan(step: number): Promise<StepPlan> {
    const batch = await this.data.training.gather(this.sampler.batch(step));
    const shards = this.shardTasks(step, batch);
    const isEvaluated = this.evalEvery > 0 && step % this.evalEvery === 0;
    const trainingBatches = isEvaluated
      ? await this.evaluationTasks(new MemorySet(batch), step)
      : [];
    const testBatches = isEvaluated ? await this.planTest(step) : [];
    // Evaluation and training of a step use the same weights, so their tasks fill the workers together.
    const tasks = [...testBatches, ...trainingBatches, ...shards];
    return { step, isEvaluated, tasks, shards, trainingBatches, testBatches };
  }

  /** Inference on the whole test set. */
  planTest(step: number): Promise<EvaluationTask[]> {
    return this.evaluationTasks(this.data.test, step);
  }

  private shardTasks(step: number, batch: Samples): ShardTask[] {
    let from = 0;
    return this.layout.shardSizes.map((size, shard): ShardTask => {
      const firstSample = from;
      const samples = sliceSamples(batch, from, (from += size));
      return { kind: "shard", id: this.nextTaskId++, step, shard, firstSample, samples };
    });
  }

  private async evaluationTasks(set: SampleSet, step: number): Promise<EvaluationTask[]> {
    const batches = evaluationBatches(set.count);
    return Promise.all(
      batches.map(async (indices): Promise<EvaluationTask> => {
        const samples = await set.gather(indices);
        return { kind: "evaluate", id: this.nextTaskId++, step, samples };
      }),
    );
  }
}

/** By shard. */
export function shardResults(
  { shards }: StepPlan,
  answers: ReadonlyMap<number, Answered>,
): ShardResult[] {
  return shards.map(({ id }) => {
    const answer = answers.get(id)?.answer;
    if (answer?.kind !== "shard") throw new RangeError(`no result of task ${id}`);
    return answer.result;
  });
}

export function metricsOfBatches(
  tasks: readonly EvaluationTask[],
  answers: ReadonlyMap<number, Answered>,
): Metrics {
  return metricsOf(
    tasks.map(({ id, samples }) => {
      const answer = answers.get(id)?.answer;
      if (answer?.kind !== "evaluate") throw new RangeError(`no result of task ${id}`);
      return { samples, result: answer.result };
    }),
  );
}
