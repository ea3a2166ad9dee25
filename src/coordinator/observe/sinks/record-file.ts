// A file of records in TensorFlow's format (TFRecord; tensorflow/core/lib/io/record_writer.h). Each record follows its length,
// and each of the two is followed by its checksum, so that a reader finds the end of a file that is still being written or was
// cut off.
import { closeSync, openSync, writeSync } from "node:fs";
import { crc32c } from "../../../shared/digest/crc32c.js";

const MASK_DELTA = 0xa282ead8;

export class RecordFile {
  private readonly file: number;
  private isTorn = false;

  /** @throws Error if the file exists or cannot be created */
  constructor(path: string) {
    this.file = openSync(path, "wx");
  }

  /** @throws Error if they cannot be written, as on a full disk; later records are then ignored */
  append(records: readonly Uint8Array[]): void {
    if (this.isTorn) return;
    const bytes = Buffer.concat(records.flatMap(frameRecord));
    this.isTorn = true;
    for (let at = 0; at < bytes.length;) at += writeSync(this.file, bytes, at);
    this.isTorn = false;
  }

  close(): void {
    closeSync(this.file);
  }
}

function frameRecord(record: Uint8Array): Uint8Array[] {
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, BigInt(record.length), true);
  const lengthBytes = new Uint8Array(length.buffer);
  return [lengthBytes, maskedChecksum(lengthBytes), record, maskedChecksum(record)];
}

/** Masked, because records may contain checksums themselves. */
function maskedChecksum(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes);
  const masked = new DataView(new ArrayBuffer(4));
  masked.setUint32(0, (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0, true);
  return new Uint8Array(masked.buffer);
}
