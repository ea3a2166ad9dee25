// The one training loop: begin, await, aggregate, apply, broadcast, observe. It knows neither how many workers there are and
// where, nor what they are sent.
import { TandemError } from "../shared/errors.js";
import type { Metrics } from "../shared/evaluation.js";
import type { Events } from "../shared/events.js";
import type { StatisticsByLayer } from "../shared/replica/inference.js";
import { computeShardsTogether } from "../shared/replica/shard-group.js";
import type { Gradient, Gradients, Update } from "../shared/replica/tensors.js";
import type { TrainingReplica } from "../shared/replica/training-replica.js";
import { aggregatePopulation, sumGradients } from "./aggregate.js";
import type { Broadcast } from "./broadcast/broadcast.js";
import type { CheckpointWriter } from "./checkpoint-writer.js";
import { computeExactPopulation } from "./exact-population.js";
import { PhaseClock } from "./observe/phase-clock.js";
import { StepObserver } from "./observe/step-observer.js";
import { StepFeed } from "./step-feed.js";
import { metricsOfBatches, shardResults, type StepPlan, type StepPlanner } from "./step-plan.js";
import { evaluateTestSet, type TestEvaluation } from "./test-evaluation.js";
import { InterruptedError, type Pool } from "./workers/pool.js";
import type { Round } from "./workers/round.js";
import type { Answered, WorkerLink } from "./workers/tasks.js";

export interface TrainingOptions {
  steps: number;
  /** 0: only at the end. */
  evalEvery: number;
  /** 0: only at the end. */
  checkpointEvery: number;
}

export interface TrainingParts {
  planner: StepPlanner;
  replica: TrainingReplica;
  pool: Pool;
  broadcast: Broadcast;
  writer: CheckpointWriter;
  events: Events;
}

export type Outcome = { ended: "finished"; test: Metrics } | { ended: "interrupted" };

/** A step whose tasks are with the workers. */
interface StepInProgress {
  plan: StepPlan;
  round: Round;
  clock: PhaseClock;
}

export class TrainingLoop {
  private readonly options: TrainingOptions;
  private readonly parts: TrainingParts;
  private readonly observer: StepObserver;
  private readonly feed: StepFeed;
  private inProgress: StepInProgress | undefined;

  constructor(options: TrainingOptions, parts: TrainingParts) {
    this.options = options;
    this.parts = parts;
    this.observer = new StepObserver(parts.events, parts.replica);
    const { planner } = parts;
    const plan = (step: number) => planner.plan(step);
    this.feed = new StepFeed({ plan, steps: options.steps, stepBytes: planner.stepBytes });
  }

  /**
   * Trains from the replica's step to the last one, evaluates and writes checkpoints on the way.
   * @param signal ends the run after the step in progress, with a checkpoint
   */
  async run(signal: AbortSignal): Promise<Outcome> {
    let outcome: Outcome;
    try {
      outcome = await this.trainSteps(signal);
    } catch (error) {
      this.rescueState(error);
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
    const { steps, checkpointEvery } = this.options;
    const { replica, broadcast } = this.parts;
    const { layout } = replica;
    this.begin(await this.feed.take(replica.step), signal);
    while (this.inProgress) {
      const { plan, round, clock } = this.inProgress;
      const nextStep = plan.step + 1;
      this.feed.prepare(nextStep);

      const gradients = new Map<string, Gradient>();
      for await (const { bucket, shards, dense } of round.buckets) {
        clock.start();
        const names = layout.buckets[bucket]!.map(({ name }) => name);
        const ofBucket = sumGradients(names, shards, dense);
        for (const [name, gradient] of ofBucket) gradients.set(name, gradient);
        clock.end("aggregate");
        this.stepEarly(plan, bucket, ofBucket, clock);
      }
      const answers = await round.answers;
      const test = await this.testOf(plan, answers, signal);
      clock.start();
      const results = shardResults(plan, answers);
      const population = aggregatePopulation(layout, results, plan.step, replica.population.layers);
      const update: Update = { gradients, population };
      clock.end("aggregate");
      this.observer.beforeStep(plan, answers, update, test);
      clock.start();
      const nextPlan = await this.feed.take(nextStep);
      clock.end("data");

      // No waiting from here on until the next step has begun: a worker that joins is sent the state of one step.
      broadcast.beforeStep(update, nextStep, ownersOf(plan, answers));
      if (broadcast.workersTakeSteps) this.begin(nextPlan, signal);
      clock.end("broadcast");
      replica.apply(update);
      clock.end("optimizer");
      broadcast.afterStep();
      if (!broadcast.workersTakeSteps) this.begin(nextPlan, signal);
      clock.end("broadcast");

      this.observer.afterStep(plan, answers, update, clock);
      const isSaved = checkpointEvery > 0 && replica.step % checkpointEvery === 0;
      if (isSaved && replica.step < steps) this.save();
    }
    this.save();
    if (replica.step < steps) return { ended: "interrupted" };
    const isExact = layout.config.population === "exact";
    const known = isExact ? await this.computePopulation(signal) : undefined;
    return { ended: "finished", test: await this.evaluateTest(signal, known) };
  }

  /**
   * Statistics of the whole training set in the place of the moving average, which the checkpoint has until then: a run that
   * is resumed there computes them again.
   */
  private async computePopulation(signal: AbortSignal): Promise<StatisticsByLayer> {
    const population = await computeExactPopulation(this.parts, signal);
    this.parts.replica.population.set(population);
    this.save();
    return population;
  }

  /** Assigns the step's tasks to the workers. */
  private begin(plan: StepPlan | undefined, signal: AbortSignal): void {
    this.inProgress = undefined;
    if (!plan || signal.aborted) return;
    const clock = new PhaseClock();
    const bucketCount = this.parts.replica.layout.buckets.length;
    this.inProgress = {
      plan,
      round: this.parts.pool.begin(plan.tasks, bucketCount, signal),
      clock,
    };
  }

  /** The step of a bucket whose gradients are complete, and its new weights on their way, while later ones are computed. */
  private stepEarly(plan: StepPlan, bucket: number, gradients: Gradients, clock: PhaseClock): void {
    const { replica, broadcast } = this.parts;
    const isLast = bucket === replica.layout.buckets.length - 1;
    // An evaluation is computed with the weights before the step.
    if (isLast || plan.isEvaluated || !replica.canStepBuckets) return;
    const present = broadcast.presentWeights(bucket);
    if (!present) return;
    replica.stepBucket(bucket, gradients, present);
    clock.end("optimizer");
    broadcast.afterBucket(bucket, plan.step + 1);
    clock.end("broadcast");
  }

  /** The evaluation of the test set, which is a part of the step or, where it is large, comes after it, with the same weights. */
  private async testOf(
    plan: StepPlan,
    answers: ReadonlyMap<number, Answered>,
    signal: AbortSignal,
  ): Promise<TestEvaluation | undefined> {
    const { testBatches: tasks, step } = plan;
    if (!plan.isEvaluated) return undefined;
    if (tasks.length === 0) return evaluateTestSet(this.parts, step, signal);
    return { metrics: metricsOfBatches(tasks, answers), tasks, answers };
  }

  /**
   * Metrics of the test set with the present weights.
   * @param known statistics that the workers' replicas do not have
   */
  private async evaluateTest(signal: AbortSignal, known?: StatisticsByLayer): Promise<Metrics> {
    const { step } = this.parts.replica;
    const test = await evaluateTestSet(this.parts, step, signal, known);
    this.observer.observePredictions(step, test);
    return test.metrics;
  }

  /** Saves the state where the run ends early, unless the training has diverged. */
  private rescueState(error: unknown): void {
    // A state that led to NaN cannot be continued: the last checkpoint stays.
    if (error instanceof TandemError && error.code === "diverged") return;
    try {
      this.finishStep();
      this.save();
    } catch {
      // What went wrong first is reported; the last checkpoint stays.
    }
  }

  /** Computes here what workers no longer will, where some buckets have taken the step: a state is never of two steps. */
  private finishStep(): void {
    const { replica } = this.parts;
    if (!replica.isMidStep || !this.inProgress) return;
    const { layout } = replica;
    const answers = computeShardsTogether(replica, this.inProgress.plan.shards);
    const names = layout.buckets.flat().map(({ name }) => name);
    replica.apply({
      gradients: sumGradients(
        names,
        answers.map(({ gradients }) => gradients),
      ),
      population: aggregatePopulation(layout, answers, replica.step, replica.population.layers),
    });
  }

  private save(): void {
    const { replica, writer, pool } = this.parts;
    const { config } = replica.layout;
    const tensors = replica.snapshot("with-slots");
    const suspectSteps = [...pool.suspectSteps];
    writer.write({ config, step: replica.step, tensors, suspectSteps });
  }
}

/** Whose result is used, by shard. */
function ownersOf(
  { shards }: StepPlan,
  answers: ReadonlyMap<number, Answered>,
): (WorkerLink | undefined)[] {
  return shards.map(({ id }) => answers.get(id)?.link);
}
