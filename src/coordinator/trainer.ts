// The one training loop. It does not know how many workers there are, nor where.
import type { RunConfig } from "../shared/config.js";
import { type Dataset, gathered, type Samples, sliced } from "../shared/data/dataset.js";
import { Sampler, shardSizes } from "../shared/data/sampler.js";
import { type Accuracy, accuracyOf, evaluationPieces } from "../shared/evaluation.js";
import { TandemError } from "../shared/errors.js";
import type { Events, PhaseTrace, TaskTrace } from "../shared/events.js";
import type { Replica } from "../shared/model/replica.js";
import type { EvaluationResult, Gradient, ShardResult } from "../shared/model/values.js";
import { aggregated, summedGradients } from "./aggregate.js";
import type { CheckpointWriter } from "./checkpoint-writer.js";
import { computeOn } from "./in-process-worker.js";
import { InterruptedError, type Pool } from "./pool.js";
import { spreadOf } from "./spread.js";
import type { StateFeed } from "./state-feed.js";
import type { Answer, Answered, Task, WorkerLink } from "./tasks.js";

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
  feed: Pick<StateFeed, "leadsAhead" | "noteUpdate" | "noteStep" | "presentClassifier">;
}

export type Outcome = { ended: "finished"; test: Accuracy } | { ended: "interrupted" };

/** A step whose tasks are with the workers. */
interface StepInHand {
  plan: TaskPlan;
  /** By `performance.now`. */
  beganMs: number;
  phases: PhaseWatch;
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
  private inHand: StepInHand | undefined;

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
      // A state that led to NaN is of no use to anyone: the last checkpoint stays.
      const isUsable = !(error instanceof TandemError && error.code === "diverged");
      try {
        if (isUsable && this.parts.replica.isHalfway) this.finishStep();
        if (isUsable) this.save();
      } catch {
        // What went wrong first is reported; the last checkpoint stays.
      }
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
    const begin = (step: number) => {
      this.inHand = step < steps && !signal.aborted ? this.begin(step, signal) : undefined;
    };
    let lastMs = performance.now();
    begin(replica.step);
    while (this.inHand) {
      const { plan, beganMs, phases } = this.inHand;
      const answers = await this.inHand.answers;
      if (plan.isEvaluated) this.tellEvaluation(plan, answers);
      phases.begin();
      const results = plan.shards.map((task) => shardAnswer(answers, task));
      const { loss, update } = aggregated(results, replica.populationStatistics());
      phases.end("aggregate");
      const { step } = plan;
      if (plan.isEvaluated) {
        events.emit({ event: "spread", step, values: spreadOf(replica, update) });
      }
      feed.noteUpdate(update, step + 1, ownersOf(plan.shards, answers));
      if (feed.leadsAhead) {
        // The workers take the step while the coordinator does, and have their next tasks when they have.
        pool.follow();
        begin(step + 1);
        phases.end("broadcast");
        replica.apply(update, config.learningRate);
        phases.end("optimise");
      } else {
        replica.apply(update, config.learningRate);
        phases.end("optimise");
        pool.follow({ half: "features", step: step + 1 });
        begin(step + 1);
        phases.end("broadcast");
      }
      const shards = results.map((result) => result.moments);
      events.emit({ event: "moments", step, shards, population: update.population });
      const tasks = tracesOf(plan.tasks, answers, beganMs);
      events.emit({ event: "trace", step, tasks, phases: phases.ended });
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
    const phases = new PhaseWatch(beganMs);
    const answers = this.parts.pool.run(plan.tasks, signal, (classifiers) => {
      this.goHalfway(plan, phases, classifiers);
    });
    // It is awaited when its turn comes; if something else fails before, its failure is of no interest.
    answers.catch(() => undefined);
    return { plan, beganMs, phases, answers };
  }

  /** Takes the classifier's step, and sends its new weights, while the workers go back through the features. */
  private goHalfway(
    plan: TaskPlan,
    phases: PhaseWatch,
    classifiers: ReadonlyMap<number, ReadonlyMap<string, Gradient>>,
  ): void {
    const { replica, pool, feed } = this.parts;
    const present = feed.presentClassifier();
    // An evaluation is told with the weights as they are before the step.
    if (feed.leadsAhead || plan.isEvaluated || !present) return;
    phases.begin();
    const gradients = summedGradients(plan.shards.map(({ id }) => classifiers.get(id)!));
    phases.end("aggregate");
    replica.applyEarly(gradients, this.options.config.learningRate, present);
    phases.end("optimise");
    pool.follow({ half: "classifier", step: plan.step + 1 });
    phases.end("broadcast");
  }

  /** Computes here what the workers no longer will of a step that the classifier has taken: a state is never of two steps. */
  private finishStep(): void {
    const { config } = this.options;
    const { replica } = this.parts;
    const shards = this.inHand?.plan.shards ?? [];
    const compute = computeOn(replica, config);
    const results = shards.map((task) => resultOf(compute(task), task));
    const { update } = aggregated(results, replica.populationStatistics());
    replica.apply(update, config.learningRate);
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
    const { replica, writer, pool } = this.parts;
    const { config } = this.options;
    const tensors = replica.snapshot("with-slots");
    const suspectSteps = [...pool.suspectSteps];
    writer.write({ config, step: replica.step, tensors, suspectSteps });
  }
}

function shardAnswer(answers: ReadonlyMap<number, Answered>, task: Task): ShardResult {
  return resultOf(answers.get(task.id)?.answer, task);
}

function resultOf(answer: Answer | undefined, task: Task): ShardResult {
  if (answer?.kind !== "shard") throw new RangeError(`no result for task ${task.id}`);
  return answer.result;
}

/** Cuts the time since a moment into phases. */
class PhaseWatch {
  readonly ended: PhaseTrace[] = [];
  private readonly zeroMs: number;
  private lastMs: number;

  constructor(zeroMs: number) {
    this.zeroMs = zeroMs;
    this.lastMs = zeroMs;
  }

  begin(): void {
    this.lastMs = performance.now();
  }

  /** A phase ends now that began with the end of the last, or with `begin`. */
  end(phase: PhaseTrace["phase"]): void {
    const fromMs = this.lastMs - this.zeroMs;
    this.lastMs = performance.now();
    this.ended.push({ phase, fromMs, toMs: this.lastMs - this.zeroMs });
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
