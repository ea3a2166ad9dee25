// Samples as they travel: from a data source through the sampler and the wire to an engine. Pure.

import type { TableSpec } from "./table.js";

/** What a network is to predict for each sample. */
export type TargetSpec =
  /** One class number for each sample. */
  | { kind: "classes"; count: number }
  /** So many float32 values for each sample. */
  | { kind: "values"; count: number };

/** What all samples of a data source have in common. */
export interface SampleShape {
  /** Of one sample: [height, width, channels], or [features]. */
  inputShape: readonly number[];
  /** Bytes stand for value/255. */
  inputType: "uint8" | "float32";
  target: TargetSpec;
}

/** Some samples, one behind the other. */
export interface Samples {
  count: number;
  /** count × the values of one input, sample by sample. */
  inputs: Uint8Array | Float32Array;
  /** Class numbers, or count × the values of one target. */
  targets: Int32Array | Float32Array;
}

/** A part of a data source that is used for one purpose. */
export interface SampleSet {
  readonly count: number;
  /** @param indices from 0 to count − 1, in any order */
  gather(indices: Uint32Array): Samples | Promise<Samples>;
}

/** Where the samples of a run come from. */
export interface DataSource extends SampleShape {
  readonly training: SampleSet;
  readonly validation: SampleSet;
  readonly test: SampleSet;
  /** SHA-256 of the data; it stands for them in a run's configuration. */
  readonly digest: string;
  readonly classNames?: readonly string[];
  /** Where the samples are rows of a table. */
  readonly table?: TableSpec;
  /** What was found, for people: kind, numbers, shapes, classes, how it was split. One line. */
  readonly description?: string;
  /** In the event `data`: `idx`, `npz` and so on, set by `openData`; and the path that the user gave. */
  readonly kind?: string;
  readonly path?: string;
  /** Closes files and ends threads, when the run is over. */
  close?(): Promise<void>;
}

/** Samples in memory. */
export class MemorySet implements SampleSet {
  readonly samples: Samples;

  constructor(samples: Samples) {
    this.samples = samples;
  }

  get count(): number {
    return this.samples.count;
  }

  gather(indices: Uint32Array): Samples {
    const { count, inputs, targets } = this.samples;
    return {
      count: indices.length,
      inputs: gatherRows(inputs, count, indices),
      targets: gatherRows(targets, count, indices),
    };
  }
}

/** Samples `from` … `to` − 1, in the same memory. */
export function sliceSamples(
  { count, inputs, targets }: Samples,
  from: number,
  to: number,
): Samples {
  const [inputSize, targetSize] = [inputs.length / count, targets.length / count];
  return {
    count: to - from,
    inputs: inputs.subarray(from * inputSize, to * inputSize),
    targets: targets.subarray(from * targetSize, to * targetSize),
  };
}

function gatherRows<Values extends Uint8Array | Int32Array | Float32Array>(
  values: Values,
  count: number,
  indices: Uint32Array,
): Values {
  const size = values.length / count;
  const rows = allocateLike(values, indices.length * size);
  indices.forEach((index, row) => {
    rows.set(values.subarray(index * size, (index + 1) * size), row * size);
  });
  return rows;
}

/** Zeros. Bytes may be a Buffer, whose constructor is another one's. */
function allocateLike<Values extends Uint8Array | Int32Array | Float32Array>(
  values: Values,
  length: number,
): Values {
  if (values instanceof Float32Array) return new Float32Array(length) as Values;
  if (values instanceof Int32Array) return new Int32Array(length) as Values;
  return new Uint8Array(length) as Values;
}
