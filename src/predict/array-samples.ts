// The samples of an IDX or NPY file, of images or vectors.
import { DAMAGED_ARRAY_ADVICE } from "../shared/data/files/arrays/array-header.js";
import { inputSpecOf } from "../shared/data/files/arrays/array-inputs.js";
import { DiskFile, loadBytes } from "../shared/data/files/byte-source.js";
import { readBeginning } from "../shared/data/files/data-place.js";
import { isIdx } from "../shared/data/files/arrays/idx.js";
import { isNpy } from "../shared/data/files/arrays/npy.js";
import { openArray } from "../shared/data/files/arrays/stored-array.js";
import { decodeInputs } from "../shared/data/files/arrays/value-type.js";
import { messageOf, TandemError } from "../shared/errors.js";
import { sizeOf } from "../shared/network/network.js";
import { formatShape } from "../shared/network/problem.js";
import { isAllFinite } from "../shared/replica/finite.js";
import { checkRowCount, type InputKind, refuseInput, type SampleInput } from "./sample-input.js";

/**
 * Decides by the file's first bytes, unpacked if it is gzipped. No picture or table starts with the same bytes.
 * @throws TandemError `predict-input` if it cannot be read
 */
export function isArrayFile(file: string): boolean {
  let beginning: Uint8Array;
  try {
    beginning = readBeginning(file);
  } catch (error) {
    return refuseInput(file, `it cannot be read (${messageOf(error)}).`, error);
  }
  return isIdx(beginning) || isNpy(beginning);
}

/**
 * @param invert whether images of bytes are inverted, so that black becomes white
 * @throws TandemError `predict-input`, naming the file
 */
export async function readArraySamples(
  file: string,
  kind: InputKind,
  invert: boolean,
): Promise<SampleInput[]> {
  const { spec, count, values } = await readValues(file);
  checkRowCount(file, count);
  const [own, found] = [kind.shape, spec.inputShape].map(formatShape);
  if (own !== found || spec.inputType !== kind.type) {
    refuseInput(
      file,
      `its samples are ${found} ${spec.inputType}, but the network expects ${own} ${kind.type}.`,
    );
  }
  const size = sizeOf(spec.inputShape);
  const isInverted = invert && spec.inputShape.length > 1 && values instanceof Uint8Array;
  return Array.from({ length: count }, (_, index) => {
    const sample = values.subarray(index * size, (index + 1) * size);
    if (sample instanceof Float32Array && !isAllFinite(sample)) {
      refuseInput(file, `sample ${index + 1} contains a value that is not finite.`);
    }
    const shown = isInverted ? sample.map((value) => 255 - value) : sample;
    return { file, row: index + 1, values: shown };
  });
}

async function readValues(file: string) {
  const open = await DiskFile.open(file);
  try {
    const array = await openArray(open);
    const spec = inputSpecOf(array.source.name, array);
    const { bytes = new Uint8Array() } = await loadBytes(array.source);
    const values = decodeInputs(array.type, bytes.subarray(array.byteOffset));
    return { spec, count: array.shape[0]!, values };
  } catch (error) {
    const reason = messageOf(error).replace(DAMAGED_ARRAY_ADVICE, "");
    throw new TandemError("predict-input", reason, { cause: error });
  } finally {
    await open.close();
  }
}
