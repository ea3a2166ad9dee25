// Subsets of a set of samples. Pure.
import { MemorySet, type Samples, type SampleSet, sliceSamples } from "./samples.js";

/** Samples `from` … `to` − 1, or those of these indices, in this order. */
export type Selection = { from: number; to: number } | Uint32Array;

/** A range of a set in memory is a view; other subsets translate indices when samples are gathered. */
export function selectSamples(all: SampleSet, selection: Selection): SampleSet {
  if (all instanceof MemorySet && !(selection instanceof Uint32Array)) {
    return new MemorySet(sliceSamples(all.samples, selection.from, selection.to));
  }
  return new Subset(all, selection);
}

class Subset implements SampleSet {
  readonly count: number;
  private readonly all: SampleSet;
  private readonly selection: Selection;

  constructor(all: SampleSet, selection: Selection) {
    this.all = all;
    this.selection = selection;
    this.count =
      selection instanceof Uint32Array ? selection.length : selection.to - selection.from;
  }

  gather(indices: Uint32Array): Samples | Promise<Samples> {
    const { selection } = this;
    return this.all.gather(
      selection instanceof Uint32Array
        ? indices.map((index) => selection[index]!)
        : indices.map((index) => selection.from + index),
    );
  }
}
