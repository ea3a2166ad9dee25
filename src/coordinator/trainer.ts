// The one training loop. It does not know how many workers there are, nor where.
import type { RunConfig } from "../shared/config.js";
import { type Dataset, gathered, type Samples, sliced } from "../shared/data/dataset.js";
import { Sampler, shardSizes } from "../shared/data/sampler.js";
import { type Accuracy, accuracyOf, evaluationPieces } from "../shared/evaluation.js";
import type { Events } from "../shared/events.js";
import type { Replica } from "../shared/model/replica.js";
import type { ShardResult, Update } from "../shared/model/values.js";
import { aggregated } from "./aggregate.js";
import type { CheckpointWriter } from "./checkpoint-writer.js";
import { InterruptedError, type Pool } from "./pool.js";
import type { Answer, Task } from "./tasks.js";

export interface TrainerOptions {
  config: RunConfig;
  steps: number;
  /** 0: only at the end. */
  evalEvery: number;
  /** 0: only at the end. */
  checkpointEvery: number;
  output: string;
}

export interface TrainerParts {
  dataset: Dataset;
  replica: Replica;
  pool: Pool;
  events: Events;
  writer: CheckpointWriter;
  /** Takes note of each step's update before the workers are told to follow. */
  onUpdate: (update: Update) => void;
}

export type Outcome = { ended: "finished"; test: Accuracy } | { ended: "interrupted" };

interface TaskPlan {
  tasks: Task[];
  shards: Task[];
  batchPieces: Task[];
  testPieces: Task[];
}

export class Trainer {
  private readonly options: TrainerOptions;
  private readonly parts: TrainerParts;
  private readonly sampler: Sampler;
  private nextTaskId = 0;

  constructor(options: TrainerOptions, parts: TrainerParts) {
    this.options = options;
    this.parts = parts;
    const { seed, batchSize } = options.config;
    this.sampler = new Sampler(seed, parts.dataset.training.count, batchSize);
  }

  /**
   * Trains from the replica's step to the last one, evaluates and writes checkpoints on the way.
   * @param signal ends the run after the step in hand, with a checkpoint
   */
  async train(signal: AbortSignal): Promise<Outcome> {
    const { config, steps, evalEvery, checkpointEvery } = this.options;
    const { replica, pool, events, writer } = this.parts;
    try {
      while (replica.step < steps && !signal.aborted) {
        const startMs = performance.now();
        const step = replica.step;
        const isEvaluated = evalEvery > 0 && step % evalEvery === 0;
        // Evaluation and training of a step use the same weights, so their tasks fill the workers together.
        const plan = this.plan(isEvaluated);
        const answers = await pool.run(plan.tasks, signal);
        if (isEvaluated) this.tellEvaluation(plan, answers);
        const results = plan.shards.map((task) => shardAnswer(answers, task));
        const { loss, update } = aggregated(results, replica.populationStatistics());
        replica.apply(update, config.learningRate);
        this.parts.onUpdate(update);
        pool.follow();
        const durationMs = performance.now() - startMs;
        events.emit({ event: "step", step, loss, durationMs, sampleCount: config.batchSize });
        const isSaved = checkpointEvery > 0 && replica.step % checkpointEvery === 0;
        if (isSaved && replica.step < steps) this.save();
      }
      this.save();
      if (replica.step < steps) return await this.interrupted();
      const test = await this.evaluateTest(signal);
      await writer.finish();
      return { ended: "finished", test };
    } catch (error) {
      if (error instanceof InterruptedError) {
        this.save();
        return await this.interrupted();
      }
      this.save();
      await writer.finish();
      throw error;
    }
  }

  /** Test accuracy and mean loss with the present weights. */
  async evaluateTest(signal: AbortSignal): Promise<Accuracy> {
    const pieces = this.pieces(this.parts.dataset.test);
    const answers = await this.parts.pool.run(pieces, signal);
    return testedAccuracy(pieces, answers);
  }

  private async interrupted(): Promise<Outcome> {
    await this.parts.writer.finish();
    return { ended: "interrupted" };
  }

  private plan(isEvaluated: boolean): TaskPlan {
    const { dataset, replica } = this.parts;
    const { batchSize, shards: shardCount } = this.options.config;
    const { step } = replica;
    const batch = gathered(dataset.training, this.sampler.batch(step), dataset.image);
    let from = 0;
    const shards = shardSizes(batchSize, shardCount).map((size, shard): Task => {
      const samples = sliced(batch, from, (from += size), dataset.image);
      return { kind: "shard", id: this.nextTaskId++, step, shard, samples };
    });
    const batchPieces = isEvaluated ? this.pieces(batch) : [];
    const testPieces = isEvaluated ? this.pieces(dataset.test) : [];
    return { tasks: [...testPieces, ...batchPieces, ...shards], shards, batchPieces, testPieces };
  }

  private pieces(samples: Samples): Task[] {
    const { dataset, replica } = this.parts;
    return evaluationPieces(samples, dataset.image).map((piece): Task => {
      return { kind: "evaluate", id: this.nextTaskId++, step: replica.step, samples: piece };
    });
  }

  private tellEvaluation(plan: TaskPlan, answers: ReadonlyMap<number, Answer>): void {
    this.parts.events.emit({
      event: "evaluation",
      step: this.parts.replica.step,
      trainAccuracy: testedAccuracy(plan.batchPieces, answers).accuracy,
      testAccuracy: testedAccuracy(plan.testPieces, answers).accuracy,
    });
  }

  private save(): void {
    const { replica, writer } = this.parts;
    const { config } = this.options;
    writer.write({ config, step: replica.step, tensors: replica.snapshot("with-slots") });
  }
}

function shardAnswer(answers: ReadonlyMap<number, Answer>, task: Task): ShardResult {
  const answer = answers.get(task.id);
  if (answer?.kind !== "shard") throw new RangeError(`no result for task ${task.id}`);
  return answer.result;
}

function testedAccuracy(pieces: readonly Task[], answers: ReadonlyMap<number, Answer>): Accuracy {
  const answered = pieces.map((piece) => {
    const answer = answers.get(piece.id);
    if (answer?.kind !== "evaluate") throw new RangeError(`no result for task ${piece.id}`);
    return { samples: piece.samples, result: answer.result };
  });
  return accuracyOf(answered);
}
