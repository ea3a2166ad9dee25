// Page updates for tests.
import type { PageUpdate } from "../../src/coordinator/observe/dashboard/page-update.js";

export const startUpdate = (step: number): PageUpdate =>
  ({ kind: "start", at: 0, step, description: {} }) as unknown as PageUpdate;

export const evaluationUpdate = (step: number): PageUpdate => ({
  kind: "evaluation",
  at: 0,
  step,
  trainAccuracy: 0,
  testAccuracy: 0,
  trainLoss: 0,
  testLoss: 0,
});

export const stepsUpdate = (...numbers: number[]): PageUpdate => ({
  kind: "steps",
  at: 0,
  steps: numbers,
  losses: numbers,
  durationsMs: numbers,
});

export function traceUpdate(step: number, slowestStep?: number): PageUpdate {
  const empty = { tasks: [], phases: [] };
  const slowest = slowestStep === undefined ? {} : { slowest: { step: slowestStep, ...empty } };
  return { kind: "trace", at: 0, step, ...empty, ...slowest };
}

export function statisticsUpdate(step: number, shardCount: number): PageUpdate {
  const moments = { mean: "x".repeat(5000), variance: "x".repeat(5000) };
  const shards = Array.from({ length: shardCount }, () => moments);
  const layer = { name: "fc1", shards, merged: moments, population: moments };
  return { kind: "statistics", at: 0, step, layers: [layer] };
}
