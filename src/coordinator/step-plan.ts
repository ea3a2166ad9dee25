// Plans the tasks of a step: the shards of its global batch and, if the step is evaluated, evaluation batches of the test set
// and of the global batch. Also plans whole passes over the test set and the training set.
import {
  type DataSource,
  MemorySet,
  type Samples,
  type SampleSet,
  sliceSamples,
} from "../shared/data/samples.js";
import { Sampler } from "../shared/data/sampler.js";
import { sampleShapeOf } from "../shared/config.js";
import {
  countBatches,
  evaluationBatches,
  MAX_EVALUATION_SAMPLES,
  type Metrics,
  metricsOf,
} from "../shared/evaluation.js";
import { sampleBytes } from "../shared/protocol/payloads/samples.js";
import type { StatisticsByLayer } from "../shared/replica/inference.js";
import type { ShardResult } from "../shared/replica/tensors.js";
import type { RunLayout } from "../shared/run-layout.js";
import type {
  EvaluationTask,
  MomentsTask,
  ShardTask,
  StepTask,
  WorkerAnswer,
} from "./workers/tasks.js";

/** How many bytes of samples are loaded at a time. */
export interface GatherLimits {
  /** Window size of a pass over a whole set; two windows are in memory at a time. */
  windowBytes: number;
  /** A larger test set is not part of a step; it is evaluated window by window. */
  maxTestBytes: number;
}

const DEFAULT_LIMITS: GatherLimits = { windowBytes: 16 * 2 ** 20, maxTestBytes: 64 * 2 ** 20 };

export interface StepPlan {
  step: number;
  isEvaluated: boolean;
  /** All tasks, in the order in which they are assigned. */
  tasks: StepTask[];
  shards: ShardTask[];
  /** If the step is evaluated: batches of the global batch, and of the test set unless it is too large to be part of a step. */
  trainingBatches: EvaluationTask[];
  testBatches: EvaluationTask[];
}

export class StepPlanner {
  private readonly layout: RunLayout;
  private readonly data: DataSource;
  private readonly evalEvery: number;
  private readonly limits: GatherLimits;
  private readonly sampler: Sampler;
  private nextTaskId = 0;

  /** @param evalEvery steps between evaluations; 0: none */
  constructor(layout: RunLayout, data: DataSource, evalEvery: number, limits = DEFAULT_LIMITS) {
    this.layout = layout;
    this.limits = limits;
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
    const testBatches =
      isEvaluated && this.isTestInStep ? await this.evaluationTasks(this.data.test, step) : [];
    // Evaluation and training of a step use the same weights, so their tasks can run side by side.
    const tasks = [...testBatches, ...trainingBatches, ...shards];
    return { step, isEvaluated, tasks, shards, trainingBatches, testBatches };
  }

  /**
   * Plans inference on the whole test set, window by window.
   * @param known statistics to use instead of the replicas' own
   */
  planTestWindows(step: number, known?: StatisticsByLayer): AsyncGenerator<EvaluationTask[]> {
    return this.windows(this.data.test, (samples): EvaluationTask => {
      const task = { kind: "evaluate" as const, id: this.nextTaskId++, step, samples };
      return known ? { ...task, known } : task;
    });
  }

  get testBatchCount(): number {
    return countBatches(this.data.test.count);
  }

  /** Bytes of a step's samples, including its share of the evaluations' samples. */
  get stepBytes(): number {
    const { batchSize } = this.layout.config;
    const testBytes = this.isTestInStep ? this.bytesOf(this.data.test.count) : 0;
    return this.bytesOf(batchSize) + (this.evalEvery === 0 ? 0 : testBytes / this.evalEvery);
  }

  /** Batches and samples of one pass over the training set. */
  get trainingSize(): { batches: number; samples: number } {
    const { count } = this.data.training;
    return { batches: countBatches(count), samples: count };
  }

  /**
   * Plans one pass over the training set for population statistics, window by window, so that not all samples are in memory
   * at once. The next window is loaded while the current one is computed.
   * @param known statistics of the layers of all earlier passes
   */
  async *planMoments(
    step: number,
    pass: number,
    known: StatisticsByLayer,
  ): AsyncGenerator<MomentsTask[]> {
    yield* this.windows(this.data.training, (samples): MomentsTask => {
      return { kind: "moments", id: this.nextTaskId++, step, pass, known, samples };
    });
  }

  /** Yields the tasks of all batches of a set, one window at a time. */
  private async *windows<T>(set: SampleSet, toTask: (samples: Samples) => T): AsyncGenerator<T[]> {
    const count = countBatches(set.count);
    const batchBytes = this.bytesOf(MAX_EVALUATION_SAMPLES);
    const size = Math.max(1, Math.floor(this.limits.windowBytes / batchBytes));
    const gather = (first: number) =>
      Promise.all(
        evaluationBatches(set.count, first, first + size).map(async (indices): Promise<T> =>
          toTask(await set.gather(indices)),
        ),
      );
    let next = gather(0);
    for (let first = 0; first < count; first += size) {
      const tasks = await next;
      next = gather(first + size);
      // Awaited above; if the caller stops before, the failure must not be an unhandled rejection.
      next.catch(() => undefined);
      yield tasks;
    }
  }

  private get isTestInStep(): boolean {
    return this.bytesOf(this.data.test.count) <= this.limits.maxTestBytes;
  }

  private bytesOf(sampleCount: number): number {
    return sampleBytes(sampleShapeOf(this.layout.config), sampleCount);
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

/** The shards' results, in shard order. */
export function shardResults(
  { shards }: StepPlan,
  answers: ReadonlyMap<number, WorkerAnswer>,
): ShardResult[] {
  return shards.map(({ id }) => {
    const answer = answers.get(id)?.answer;
    if (answer?.kind !== "shard") throw new RangeError(`no result for task ${id}`);
    return answer.result;
  });
}

export function metricsOfBatches(
  tasks: readonly EvaluationTask[],
  answers: ReadonlyMap<number, WorkerAnswer>,
): Metrics {
  return metricsOf(
    tasks.map(({ id, samples }) => {
      const answer = answers.get(id)?.answer;
      if (answer?.kind !== "evaluate") throw new RangeError(`no result for task ${id}`);
      return { samples, result: answer.result };
    }),
  );
}
