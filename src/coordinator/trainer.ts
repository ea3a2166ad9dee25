// The one training loop. It does not know how many workers there are, nor where.
import type { RunConfig } from "../shared/config.js";
import { type Dataset, gathered, type Samples, sliced } from "../shared/data/dataset.js";
import { Sampler, shardSizes } from "../shared/data/sampler.js";
import { type Accuracy, accuracyOf, evaluationPieces } from "../shared/evaluation.js";
import type { Events, Span, TaskTrace } from "../shared/events.js";
import type { Replica } from "../shared/model/replica.js";
import type { EvaluationResult, ShardResult } from "../shared/model/values.js";
import { aggregated } from "./aggregate.js";
import type { CheckpointWriter } from "./checkpoint-writer.js";
import { InterruptedError, type Pool } from "./pool.js";
import { spreadOf } from "./spread.js";
import type { StateFeed } from "./state-feed.js";
import type { Answered, Task, WorkerLink } from "./tasks.js";

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
  feed: Pick<StateFeed, "leadsAhead" | "noteUpdate" | "noteStep">;
}

export type Outcome = { ended: "finished"; test: Accuracy } | { ended: "interrupted" };

/** A step whose tasks are with the workers. */
interface StepInHand {
  plan: TaskPlan;
  /** By `performance.now`. */
  beganMs: number;
  answers: Promise<Map<number, Answered>>;
}

interface TaskPlan {
  step: number;
  isEvaluated: boolean;
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
    let outcome: Outcome;
    try {
      outcome = await this.trainSteps(signal);
    } catch (error) {
      this.save();
      if (!(error instanceof InterruptedError)) {
        // What went wrong first is what the user has to know.
        await this.parts.writer.finish().catch(() => undefined);
        throw error;
      }
      outcome = { ended: "interrupted" };
    }
    await this.parts.writer.finish();
    return outcome;
  }

  private async trainSteps(signal: AbortSignal): Promise<Outcome> {
    const { config, steps, checkpointEvery } = this.options;
    const { replica, pool, events, feed } = this.parts;
    const begin = (step: number) =>
      step < steps && !signal.aborted ? this.begin(step, signal) : undefined;
    let lastMs = performance.now();
    for (let inHand = begin(replica.step); inHand;) {
      const { plan, beganMs } = inHand;
      const answers = await inHand.answers;
      if (plan.isEvaluated) this.tellEvaluation(plan, answers);
      const watch = new Stopwatch(beganMs);
      const results = plan.shards.map((task) => shardAnswer(answers, task));
      const { loss, update } = aggregated(results, replica.populationStatistics());
      const aggregate = watch.lap();
      const { step } = plan;
      if (plan.isEvaluated) {
        events.emit({ event: "spread", step, values: spreadOf(replica, update) });
      }
      feed.noteUpdate(update, step + 1, ownersOf(plan.shards, answers));
      let [broadcast, optimise] = [aggregate, aggregate];
      if (feed.leadsAhead) {
        // The workers take the step while the coordinator does, and have their next tasks when they have.
        pool.follow();
        inHand = begin(step + 1);
        broadcast = watch.lap();
        replica.apply(update, config.learningRate);
        optimise = watch.lap();
      } else {
        replica.apply(update, config.learningRate);
        optimise = watch.lap();
        pool.follow();
        inHand = begin(step + 1);
        broadcast = watch.lap();
      }
      const shards = results.map((result) => result.moments);
      events.emit({ event: "moments", step, shards, population: update.population });
      const tasks = tracesOf(plan.tasks, answers, beganMs);
      events.emit({ event: "trace", step, tasks, aggregate, broadcast, optimise });
      feed.noteStep();
      const nowMs = performance.now();
      const durationMs = nowMs - lastMs;
      lastMs = nowMs;
      events.emit({ event: "step", step, loss, durationMs, sampleCount: config.batchSize });
      const isSaved = checkpointEvery > 0 && replica.step % checkpointEvery === 0;
      if (isSaved && replica.step < steps) this.save();
    }
    this.save();
    if (replica.step < steps) return { ended: "interrupted" };
    return { ended: "finished", test: await this.evaluateTest(signal) };
  }

  /** Test accuracy and mean loss with the present weights. */
  async evaluateTest(signal: AbortSignal): Promise<Accuracy> {
    const pieces = this.pieces(this.parts.dataset.test, this.parts.replica.step);
    const answers = await this.parts.pool.run(pieces, signal);
    this.tellPredictions(this.parts.replica.step, pieces, answers);
    return testedAccuracy(pieces, answers);
  }

  /** Hands the step's tasks to the workers. */
  private begin(step: number, signal: AbortSignal): StepInHand {
    const plan = this.plan(step);
    const beganMs = performance.now();
    const answers = this.parts.pool.run(plan.tasks, signal);
    // It is awaited when its turn comes; if something else fails before, its failure is of no interest.
    answers.catch(() => undefined);
    return { plan, beganMs, answers };
  }

  private plan(step: number): TaskPlan {
    const { dataset } = this.parts;
    const { evalEvery, config } = this.options;
    const batch = gathered(dataset.training, this.sampler.batch(step), dataset.image);
    let from = 0;
    const shards = shardSizes(config.batchSize, config.shards).map((size, shard): Task => {
      const samples = sliced(batch, from, (from += size), dataset.image);
      return { kind: "shard", id: this.nextTaskId++, step, shard, samples };
    });
    const isEvaluated = evalEvery > 0 && step % evalEvery === 0;
    const batchPieces = isEvaluated ? this.pieces(batch, step) : [];
    const testPieces = isEvaluated ? this.pieces(dataset.test, step) : [];
    // Evaluation and training of a step use the same weights, so their tasks fill the workers together.
    const tasks = [...testPieces, ...batchPieces, ...shards];
    return { step, isEvaluated, tasks, shards, batchPieces, testPieces };
  }

  private pieces(samples: Samples, step: number): Task[] {
    return evaluationPieces(samples, this.parts.dataset.image).map((piece): Task => {
      return { kind: "evaluate", id: this.nextTaskId++, step, samples: piece };
    });
  }

  private tellPredictions(
    step: number,
    pieces: readonly Task[],
    answers: ReadonlyMap<number, Answered>,
  ): void {
    const classes = Buffer.concat(pieces.map((piece) => evaluated(answers, piece).predictions));
    this.parts.events.emit({ event: "predictions", step, classes });
  }

  private tellEvaluation(plan: TaskPlan, answers: ReadonlyMap<number, Answered>): void {
    this.parts.events.emit({
      event: "evaluation",
      step: plan.step,
      trainAccuracy: testedAccuracy(plan.batchPieces, answers).accuracy,
      testAccuracy: testedAccuracy(plan.testPieces, answers).accuracy,
    });
    this.tellPredictions(plan.step, plan.testPieces, answers);
  }

  private save(): void {
    const { replica, writer } = this.parts;
    const { config } = this.options;
    writer.write({ config, step: replica.step, tensors: replica.snapshot("with-slots") });
  }
}

function shardAnswer(answers: ReadonlyMap<number, Answered>, task: Task): ShardResult {
  const answer = answers.get(task.id)?.answer;
  if (answer?.kind !== "shard") throw new RangeError(`no result for task ${task.id}`);
  return answer.result;
}

/** Cuts the time since a moment into spans. */
class Stopwatch {
  private readonly zeroMs: number;
  private lastMs: number;

  constructor(zeroMs: number) {
    this.zeroMs = zeroMs;
    this.lastMs = performance.now();
  }

  /** From the last lap's end, or the making of the watch, to now. */
  lap(): Span {
    const fromMs = this.lastMs - this.zeroMs;
    this.lastMs = performance.now();
    return { fromMs, toMs: this.lastMs - this.zeroMs };
  }
}

function tracesOf(
  tasks: readonly Task[],
  answers: ReadonlyMap<number, Answered>,
  zeroMs: number,
): TaskTrace[] {
  return tasks.flatMap((task) => {
    const answered = answers.get(task.id);
    if (!answered) return [];
    const { link, timing } = answered;
    return {
      worker: link.name,
      task: task.kind,
      ...(task.kind === "shard" ? { shard: task.shard } : {}),
      samples: task.samples.count,
      sentMs: timing.sentMs - zeroMs,
      computedFromMs: timing.computedFromMs - zeroMs,
      computedToMs: timing.computedToMs - zeroMs,
      answeredMs: timing.answeredMs - zeroMs,
    };
  });
}

/** Whose result was taken, by shard. */
function ownersOf(
  shards: readonly Task[],
  answers: ReadonlyMap<number, Answered>,
): (WorkerLink | undefined)[] {
  return shards.map((task) => answers.get(task.id)?.link);
}

function testedAccuracy(pieces: readonly Task[], answers: ReadonlyMap<number, Answered>): Accuracy {
  const answered = pieces.map((piece) => {
    return { samples: piece.samples, result: evaluated(answers, piece) };
  });
  return accuracyOf(answered);
}

function evaluated(answers: ReadonlyMap<number, Answered>, piece: Task): EvaluationResult {
  const answer = answers.get(piece.id)?.answer;
  if (answer?.kind !== "evaluate") throw new RangeError(`no result for task ${piece.id}`);
  return answer.result;
}
