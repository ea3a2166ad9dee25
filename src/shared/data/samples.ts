// Samples and their sources. Pure.

import type { TableSpec } from "./table.js";

/** What a network predicts for each sample. */
export type TargetSpec =
  /** One class number per sample; `count` is the number of classes. */
  | { kind: "classes"; count: number }
  /** `count` float32 values per sample. */
  | { kind: "values"; count: number };

/** Shapes and types of a data source's samples. */
export interface SampleShape {
  /** Of one sample: [height, width, channels], or [features]. */
  inputShape: readonly number[];
  /** Bytes stand for value/255. */
  inputType: "uint8" | "float32";
  target: TargetSpec;
}

/** Some samples as contiguous arrays. */
export interface Samples {
  count: number;
  /** count × the values of one input. */
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

/** The source of a run's samples. */
export interface DataSource extends SampleShape {
  readonly training: SampleSet;
  readonly validation: SampleSet;
  readonly test: SampleSet;
  /** SHA-256 of the data; identifies it in a run's configuration. */
  readonly digest: string;
  readonly classNames?: readonly string[];
  /** If the samples are rows of a table. */
  readonly table?: TableSpec;
  /** One line for the user: kind, counts, shapes, classes, split. */
  readonly description?: string;
  /** For the event `data`, set by `openData`: `idx`, `npz` and so on, and the path that the user gave. */
  readonly kind?: string;
  readonly path?: string;
  /** Closes files and ends threads; called when the run is over. */
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

/** Not `values.constructor`, as bytes may be a Buffer. */
function allocateLike<Values extends Uint8Array | Int32Array | Float32Array>(
  values: Values,
  length: number,
): Values {
  if (values instanceof Float32Array) return new Float32Array(length) as Values;
  if (values instanceof Int32Array) return new Int32Array(length) as Values;
  return new Uint8Array(length) as Values;
}
