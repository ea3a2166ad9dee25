// Which settings differ between the runs and which are the same in all of them. Pure.
import type { RunSettings } from "../../run-settings.js";

export type SettingValue = string | number | undefined;

export interface SettingsDifference {
  /** In the order of the runs' lists. */
  differing: string[];
  equal: string[];
}

/** A digest of results on a probe of the run itself: it also differs if the network or the optimizer differs. */
const NUMERICS = "numerics";

/** A setting that only some runs have counts as different. */
export function compareSettings(runs: readonly { settings: RunSettings }[]): SettingsDifference {
  const names = [...new Set(runs.flatMap(({ settings }) => Object.keys(settings)))];
  const differing = names.filter((name) => valuesOf(runs, name).length > 1);
  const equal = names.filter((name) => !differing.includes(name));
  const isTelling = hasOtherNumerics(runs);
  return { differing: differing.filter((name) => name !== NUMERICS || isTelling), equal };
}

/** Whether runs with otherwise equal settings, except for the seed, had machines with different arithmetic. */
function hasOtherNumerics(runs: readonly { settings: RunSettings }[]): boolean {
  const known = new Map<string, SettingValue>();
  return runs.some(({ settings }) => {
    const others = Object.entries(settings).filter(
      ([name]) => name !== "seed" && name !== NUMERICS,
    );
    const key = JSON.stringify(others);
    const isOther = known.has(key) && known.get(key) !== settings[NUMERICS];
    known.set(key, settings[NUMERICS]);
    return isOther;
  });
}

/** The distinct values of a setting: numbers in ascending order, then words in the order of the runs. */
export function valuesOf(runs: readonly { settings: RunSettings }[], name: string): SettingValue[] {
  const values = [...new Set(runs.map(({ settings }): SettingValue => settings[name]))];
  const numbers = values.filter((value) => typeof value === "number").sort((a, b) => a - b);
  return [...numbers, ...values.filter((value) => typeof value !== "number")];
}

const LEAST_PLAIN = 0.01;

/** `3e-4`, `0.01`, `10,000` */
export function settingText(value: SettingValue): string {
  if (value === undefined) return "–";
  if (typeof value === "string") return value;
  if (value !== 0 && Math.abs(value) < LEAST_PLAIN) return value.toExponential();
  return value.toLocaleString("en", { maximumSignificantDigits: 8 });
}
