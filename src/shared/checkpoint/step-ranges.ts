// Ranges of steps: a checkpoint lists the steps whose results are suspect. Pure.
import * as z from "zod";

/** Steps `from` to `to`, inclusive. */
export interface StepRange {
  from: number;
  to: number;
}

const step = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const rangesSchema = z
  .array(z.strictObject({ from: step, to: step }).refine(({ from, to }) => from <= to))
  .min(1);

/** Sorts the ranges and joins adjacent ones, so that the same steps always give the same list. */
export function mergeStepRanges(ranges: readonly StepRange[]): StepRange[] {
  const merged: StepRange[] = [];
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && from <= last.to + 1) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged;
}

/** @returns undefined if the text is not one that `stepRangesText` returns */
export function parseStepRanges(text: string): StepRange[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const result = rangesSchema.safeParse(value);
  if (!result.success) return undefined;
  return stepRangesText(result.data) === text ? result.data : undefined;
}

export function stepRangesText(ranges: readonly StepRange[]): string {
  return JSON.stringify(mergeStepRanges(rangesSchema.parse(ranges)));
}
