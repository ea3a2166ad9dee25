// Predicted classes of the test set as a page update: how often each class was confused with each other class, with samples.
// Pure.
import type { RunEvent } from "../../../shared/run-event.js";
import type { ConfusedPair, PageUpdateOf } from "./page-update.js";
import { hasInputs, type SamplePlace, type ShownSamples } from "./shown-samples.js";

/** For more classes, no matrix is sent. */
export const MAX_CONFUSION_CLASSES = 50;
/** For more classes, confused pairs are sent too, because the matrix is hard to read. */
const MAX_READABLE_CLASSES = 30;
const MAX_PAIRS = 100;

type Predictions = RunEvent & { event: "predictions" };

interface WrongPlace extends SamplePlace {
  label: number;
  predicted: number;
}

interface PairGroup {
  label: number;
  predicted: number;
  count: number;
  /** Only samples whose inputs are known. */
  places: WrongPlace[];
}

/** @param classCount of the data */
export function mistakesOf(
  { step, predictions, samples }: Predictions,
  classCount: number,
  shown: ShownSamples,
  at: number,
): PageUpdateOf<"mistakes"> {
  const confusion = classCount <= MAX_CONFUSION_CLASSES ? zeroMatrix(classCount) : undefined;
  const byPair = new Map<number, PairGroup>();
  let first = 0;
  let errorCount = 0;
  samples.forEach((batch, index) => {
    predictions[index]?.forEach((predicted, row) => {
      const label = batch.targets[row]!;
      const counts = confusion?.[label];
      if (counts) counts[predicted] = (counts[predicted] ?? 0) + 1;
      if (predicted === label) return;
      errorCount++;
      const key = label * classCount + predicted;
      const group = byPair.get(key) ?? { label, predicted, count: 0, places: [] };
      byPair.set(key, group);
      group.count++;
      if (hasInputs(batch)) {
        group.places.push({ batch, row, index: first + row, label, predicted });
      }
    });
    first += batch.count;
  });
  const groups = [...byPair.values()].sort((a, b) => b.count - a.count);
  const chosen = someOfEach(
    groups.map(({ places }) => places),
    shown.maxCount,
  );
  const { picture, columnNames } = shown;
  return {
    kind: "mistakes",
    at,
    step,
    testCount: first,
    errorCount,
    ...(confusion ? { confusion } : {}),
    ...(classCount > MAX_READABLE_CLASSES ? { pairs: pairsOf(groups) } : {}),
    ...(picture ? { picture } : {}),
    ...(columnNames ? { columns: columnNames } : {}),
    wrong: chosen.map((place) => {
      return { ...shown.show(place), label: place.label, predicted: place.predicted };
    }),
  };
}

function pairsOf(groups: readonly PairGroup[]): ConfusedPair[] {
  return groups.slice(0, MAX_PAIRS).map(({ label, predicted, count }): ConfusedPair => {
    return [label, predicted, count];
  });
}

/** Chooses the first of each group, then the second of each, and so on; returns them group by group. */
function someOfEach(groups: readonly WrongPlace[][], maxCount: number): WrongPlace[] {
  const counts = groups.map(() => 0);
  let left = maxCount;
  for (let round = 0; left > 0; round++) {
    const hasMore = (group: WrongPlace[]) => group.length > round;
    if (!groups.some(hasMore)) break;
    groups.forEach((group, index) => {
      if (!hasMore(group) || left === 0) return;
      counts[index]!++;
      left--;
    });
  }
  return groups.flatMap((group, index) => group.slice(0, counts[index]));
}

function zeroMatrix(size: number): number[][] {
  return Array.from({ length: size }, () => new Array<number>(size).fill(0));
}
