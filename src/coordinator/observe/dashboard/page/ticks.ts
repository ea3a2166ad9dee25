// Round values for axes. Pure.

const ROUND = [1, 2, 2.5, 5, 10];

/** About `count` round values within a range. */
export function ticksBetween(min: number, max: number, count: number): number[] {
  const rough = (max - min) / Math.max(1, count);
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = (ROUND.find((factor) => factor * power >= rough * 0.999) ?? 10) * power;
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => {
    return Number(((first + index) * step).toPrecision(12));
  });
}

/** 1, 3, 10, 30, … within a range; if it is narrow, round values. */
export function logTicksBetween(min: number, max: number): number[] {
  if (!(min > 0) || !Number.isFinite(max)) return [];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.log10(max); power++) {
    for (const factor of [1, 3]) {
      const tick = Number((factor * 10 ** power).toPrecision(6));
      if (tick >= min && tick <= max) ticks.push(tick);
    }
  }
  return ticks.length > 1 ? ticks : ticksBetween(min, max, 4);
}
