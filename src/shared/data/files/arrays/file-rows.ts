// Reads rows of an array that stays in its file. Rows that are close together are read with one call.
import type { SampleSet, Samples } from "../../samples.js";
import type { ReadPart } from "../byte-source.js";
import { type StoredArray, valueBytes } from "./stored-array.js";
import { decodeInputs } from "./value-type.js";

/** Reading up to this many unneeded bytes is faster than another call. */
const MAX_GAP_BYTES = 8 * 1024;
/** Limits the memory for unneeded rows. */
const MAX_RUN_BYTES = 2 ** 20;

/** Consecutive bytes of the file, and the required rows in them. */
interface Run {
  from: number;
  to: number;
  rows: { offset: number; place: number }[];
}

export class FileRows {
  private readonly array: StoredArray;
  private readonly rowBytes: number;

  constructor(array: StoredArray) {
    this.array = array;
    this.rowBytes = valueBytes(array) / array.shape[0]!;
  }

  /** The values of these rows, in this order. @throws TandemError `data-file-…` if the file has changed or cannot be read */
  async read(indices: Uint32Array): Promise<Uint8Array | Float32Array> {
    const { rowBytes } = this;
    const { source, byteOffset, type } = this.array;
    const bytes = new Uint8Array(indices.length * rowBytes);
    const rowAt = (place: number) => bytes.subarray(place * rowBytes, (place + 1) * rowBytes);
    const runs = findRuns(indices, rowBytes);
    const parts = runs.map((run): ReadPart & { run: Run } => {
      const { from, to, rows } = run;
      const target = rows.length === 1 ? rowAt(rows[0]!.place) : new Uint8Array(to - from);
      return { target, offset: byteOffset + from, run };
    });
    await source.readAll(parts);
    for (const { target, run } of parts) {
      if (run.rows.length === 1) continue;
      for (const { offset, place } of run.rows) {
        const begin = offset - run.from;
        rowAt(place).set(target.subarray(begin, begin + rowBytes));
      }
    }
    return decodeInputs(type, bytes);
  }
}

function findRuns(indices: Uint32Array, rowBytes: number): Run[] {
  const order = Array.from(indices, (index, place) => ({ offset: index * rowBytes, place }));
  order.sort((a, b) => a.offset - b.offset);
  const runs: Run[] = [];
  let run: Run | undefined;
  for (const row of order) {
    const to = row.offset + rowBytes;
    if (run && row.offset - run.to <= MAX_GAP_BYTES && to - run.from <= MAX_RUN_BYTES) {
      run.to = Math.max(run.to, to);
      run.rows.push(row);
    } else {
      run = { from: row.offset, to, rows: [row] };
      runs.push(run);
    }
  }
  return runs;
}

/** Samples whose inputs stay in their file. Targets are in memory. */
export class FileSet implements SampleSet {
  readonly count: number;
  private readonly rows: FileRows;
  private readonly targets: Int32Array | Float32Array;

  /** @param targets one per row of the array */
  constructor(array: StoredArray, targets: Int32Array | Float32Array) {
    this.count = array.shape[0]!;
    this.rows = new FileRows(array);
    this.targets = targets;
  }

  async gather(indices: Uint32Array): Promise<Samples> {
    const { targets } = this;
    const size = targets.length / this.count;
    const chosen =
      targets instanceof Int32Array
        ? new Int32Array(indices.length * size)
        : new Float32Array(indices.length * size);
    indices.forEach((index, row) => {
      chosen.set(targets.subarray(index * size, (index + 1) * size), row * size);
    });
    return { count: indices.length, inputs: await this.rows.read(indices), targets: chosen };
  }
}
