// Emits a step's events: its durations, the moments of batch normalisation, the results of an evaluation. Training does not
// depend on it.
import type { Events } from "../../shared/events.js";
import type { Update } from "../../shared/replica/tensors.js";
import type { TrainingReplica } from "../../shared/replica/training-replica.js";
import type { TaskTrace } from "../../shared/run-event.js";
import { sumLosses } from "../aggregate.js";
import { metricsOfBatches, shardResults, type StepPlan } from "../step-plan.js";
import type { TestEvaluation } from "../test-evaluation.js";
import type { StepTask, WorkerAnswer } from "../workers/tasks.js";
import { histogramValues } from "./histogram-values.js";
import type { PhaseClock } from "./phase-clock.js";

type Answers = ReadonlyMap<number, WorkerAnswer>;

export class StepObserver {
  private readonly events: Events;
  private readonly replica: TrainingReplica;
  private lastStepMs = performance.now();

  constructor(events: Events, replica: TrainingReplica) {
    this.events = events;
    this.replica = replica;
  }

  /** Call it when the answers are complete and the weights are still those with which they were computed. */
  beforeStep(
    plan: StepPlan,
    answers: Answers,
    update: Update,
    evaluation: TestEvaluation | undefined,
  ): void {
    if (!evaluation) return;
    const { step, trainingBatches } = plan;
    const train = metricsOfBatches(trainingBatches, answers);
    const test = evaluation.metrics;
    this.events.emit({
      event: "evaluation",
      step,
      ...(train.accuracy === undefined ? {} : { trainAccuracy: train.accuracy }),
      ...(test.accuracy === undefined ? {} : { testAccuracy: test.accuracy }),
      trainLoss: train.loss,
      testLoss: test.loss,
    });
    this.observePredictions(step, evaluation);
    const values = histogramValues(this.replica, update);
    this.events.emit({ event: "histograms", step, values });
  }

  /** Emits what was predicted for the test set. */
  observePredictions(step: number, { tasks, answers }: TestEvaluation): void {
    const batches = tasks.flatMap(({ id, samples }) => {
      const answer = answers.get(id)?.answer;
      return answer?.kind === "evaluate" ? [{ samples, ...answer.result }] : [];
    });
    const predictions = batches.map((batch) => batch.predictions);
    const samples = batches.map((batch) => batch.samples);
    this.events.emit({ event: "predictions", step, predictions, samples });
  }

  afterStep(plan: StepPlan, answers: Answers, update: Update, clock: PhaseClock): void {
    const { step } = plan;
    const results = shardResults(plan, answers);
    const { population } = update;
    const shards = results.map(({ moments }) => moments);
    this.events.emit({ event: "moments", step, shards, population });
    const tasks = plan.tasks.flatMap((task) => traceOf(task, answers, clock.zeroMs));
    this.events.emit({ event: "trace", step, tasks, phases: clock.phases });
    const nowMs = performance.now();
    const durationMs = nowMs - this.lastStepMs;
    this.lastStepMs = nowMs;
    const sampleCount = this.replica.layout.config.batchSize;
    this.events.emit({ event: "step", step, loss: sumLosses(results), durationMs, sampleCount });
  }
}

function traceOf(task: StepTask, answers: Answers, zeroMs: number): TaskTrace[] {
  const answered = answers.get(task.id);
  if (!answered) return [];
  const { link, timing } = answered;
  return [
    {
      worker: link.name,
      task: task.kind,
      ...(task.kind === "shard" ? { shard: task.shard } : {}),
      samples: task.samples.count,
      sentMs: timing.sentMs - zeroMs,
      computedFromMs: timing.computedFromMs - zeroMs,
      computedToMs: timing.computedToMs - zeroMs,
      waitedMs: timing.waitedMs,
      answeredMs: timing.answeredMs - zeroMs,
    },
  ];
}
