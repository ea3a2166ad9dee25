// Some samples of a set as a set of their own. Pure.
import type { Samples, SampleSet } from "./samples.js";

export class Subset implements SampleSet {
  readonly count: number;
  private readonly all: SampleSet;
  private readonly rows: Uint32Array | { from: number };

  private constructor(all: SampleSet, rows: Uint32Array | { from: number }, count: number) {
    this.all = all;
    this.rows = rows;
    this.count = count;
  }

  /** The samples of these indices, in this order. */
  static of(all: SampleSet, indices: Uint32Array): Subset {
    return new Subset(all, indices, indices.length);
  }

  /** Samples `from` … `to` − 1. */
  static range(all: SampleSet, from: number, to: number): Subset {
    return new Subset(all, { from }, to - from);
  }

  gather(indices: Uint32Array): Samples | Promise<Samples> {
    const { rows } = this;
    return this.all.gather(
      rows instanceof Uint32Array
        ? indices.map((index) => rows[index]!)
        : indices.map((index) => rows.from + index),
    );
  }
}
