// Values by step, for the curves. Pure.

export interface Series {
  steps: number[];
  values: number[];
}

export function emptySeries(): Series {
  return { steps: [], values: [] };
}

export function append(series: Series, step: number, value: number): void {
  series.steps.push(step);
  series.values.push(value);
}

/** Drops every other value of the older half, because a page may stay open for weeks. */
export function thinOut(series: Series, maxCount: number): void {
  if (series.steps.length <= maxCount) return;
  const half = series.steps.length / 2;
  const isKept = (_: number, index: number) => index >= half || index % 2 === 0;
  series.steps = series.steps.filter(isKept);
  series.values = series.values.filter(isKept);
}

/** Drops the values of this and later steps. */
export function truncate(series: Series, step: number): void {
  const from = series.steps.findIndex((other) => other >= step);
  if (from < 0) return;
  series.steps.length = from;
  series.values.length = from;
}

/** Exponential smoothing with bias correction at the start (Kingma and Ba, "Adam", 2015, section 3). */
export function smooth({ steps, values }: Series, weight: number): Series {
  let [mean, remainder] = [0, 1];
  return {
    steps,
    values: values.map((value) => {
      mean = weight * mean + (1 - weight) * value;
      remainder *= weight;
      return mean / (1 - remainder);
    }),
  };
}

/** Samples per second, each over a window of steps. */
export function sampleRates(durationMs: Series, batchSize: number, windowSteps = 20): Series {
  const { steps, values } = durationMs;
  const rates = emptySeries();
  for (let to = windowSteps; to <= values.length; to += windowSteps) {
    const totalMs = values.slice(to - windowSteps, to).reduce((sum, value) => sum + value, 0);
    append(rates, steps[to - 1]!, (1000 * batchSize * windowSteps) / totalMs);
  }
  return rates;
}
