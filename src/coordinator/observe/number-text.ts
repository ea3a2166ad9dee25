// Numbers and durations as text, for terminals, logs and pages. Pure.

const SIGNIFICANT_DIGITS = 6;

/** Like %g in C: six significant digits without trailing zeros, with an exponent if below 1e-4 or at least 1e6. */
export function shortNumber(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  const [mantissa = "", digits = ""] = value.toExponential(SIGNIFICANT_DIGITS - 1).split("e");
  const exponent = Number(digits);
  if (exponent >= -4 && exponent < SIGNIFICANT_DIGITS) {
    return String(Number(value.toPrecision(SIGNIFICANT_DIGITS)));
  }
  const sign = exponent < 0 ? "-" : "+";
  return `${Number(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

export function durationText(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const rounded = Math.max(0, Math.round(seconds));
  if (rounded < 60) return `${rounded} s`;
  if (rounded < 3600) return `${Math.floor(rounded / 60)} min ${rounded % 60} s`;
  return `${Math.floor(rounded / 3600)} h ${Math.floor((rounded % 3600) / 60)} min`;
}

/** `1 shard`, `2 shards` */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
