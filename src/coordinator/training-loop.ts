// The training loop: begin, await, aggregate, apply, broadcast, observe. It does not know how many workers there are, where
// they run, or what they are sent.
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
import type { WorkerAnswer, WorkerLink } from "./workers/tasks.js";

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

/** A step whose tasks have been assigned. */
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
   * Trains from the replica's step to the last step; evaluates and writes checkpoints along the way.
   * @param signal when aborted, ends the run after the step in progress, with a checkpoint
   */
  async run(signal: AbortSignal): Promise<Outcome> {
    let outcome: Outcome;
    try {
      outcome = await this.trainSteps(signal);
    } catch (error) {
      this.rescueState(error);
      if (!(error instanceof InterruptedError)) {
        // The first error is the one to report.
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

      // No await from here until the next step has begun: a worker that joins must be sent the state of a single step.
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
   * Replaces the moving average by the statistics of the whole training set. The checkpoint saved before this has the moving
   * average; a run that resumes from it computes the statistics again.
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

  /** Applies the optimizer step of a complete bucket and sends its new weights while workers compute the later buckets. */
  private stepEarly(plan: StepPlan, bucket: number, gradients: Gradients, clock: PhaseClock): void {
    const { replica, broadcast } = this.parts;
    const isLast = bucket === replica.layout.buckets.length - 1;
    // Evaluations use the weights from before the step.
    if (isLast || plan.isEvaluated || !replica.canStepBuckets) return;
    const present = broadcast.presentWeights(bucket);
    if (!present) return;
    replica.stepBucket(bucket, gradients, present);
    clock.end("optimizer");
    broadcast.afterBucket(bucket, plan.step + 1);
    clock.end("broadcast");
  }

  /** The test set's evaluation: part of the step's tasks or, for a large test set, done now with the same weights. */
  private async testOf(
    plan: StepPlan,
    answers: ReadonlyMap<number, WorkerAnswer>,
    signal: AbortSignal,
  ): Promise<TestEvaluation | undefined> {
    const { testBatches: tasks, step } = plan;
    if (!plan.isEvaluated) return undefined;
    if (tasks.length === 0) return evaluateTestSet(this.parts, step, signal);
    return { metrics: metricsOfBatches(tasks, answers), tasks, answers };
  }

  /**
   * Metrics of the test set with the current weights.
   * @param known statistics to use instead of the replicas' own
   */
  private async evaluateTest(signal: AbortSignal, known?: StatisticsByLayer): Promise<Metrics> {
    const { step } = this.parts.replica;
    const test = await evaluateTestSet(this.parts, step, signal, known);
    this.observer.observePredictions(step, test);
    return test.metrics;
  }

  /** Saves the state when the run ends early, unless training has diverged: such a state cannot be continued. */
  private rescueState(error: unknown): void {
    if (error instanceof TandemError && error.code === "diverged") return;
    try {
      this.finishStep();
      this.save();
    } catch {
      // The first error is reported; the last checkpoint remains.
    }
  }

  /** If some buckets have already been updated, computes the rest of the step in this process, so that the saved state belongs to one step. */
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

/** The workers whose results were used, in shard order. */
function ownersOf(
  { shards }: StepPlan,
  answers: ReadonlyMap<number, WorkerAnswer>,
): (WorkerLink | undefined)[] {
  return shards.map(({ id }) => answers.get(id)?.link);
}
