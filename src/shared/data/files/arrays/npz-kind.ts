// NumPy's archive of arrays in the layout of Keras's mnist.npz: x_train, y_train, x_test, y_test.
import { join } from "node:path";
import { TandemError } from "../../../errors.js";
import type { DataSource } from "../../samples.js";
import { type FoundArrays, findArrays, listArrays, USUAL_ARRAYS } from "./array-names.js";
import { openArraySet } from "./array-set.js";
import { DiskFile } from "../byte-source.js";
import type { DataKind, DataOptions } from "../data-kind.js";
import { type DataPlace, pathText } from "../data-place.js";
import { parseHeader, readArray, type StoredArray } from "./stored-array.js";
import { type CheckBeginning, readZipMembers } from "./zip-members.js";

const ENDING = ".npy";
const ARCHIVE = ".npz";
const ZIP_MAGIC = [0x50, 0x4b, 0x03, 0x04];

export const npzKind: DataKind = {
  name: "npz",
  sign: `an .npz archive with the arrays ${USUAL_ARRAYS}`,
  recognizes: ({ isFolder, names, beginning }) =>
    isFolder
      ? names.filter((name) => name.endsWith(ARCHIVE)).length === 1
      : ZIP_MAGIC.every((byte, index) => beginning[index] === byte),
  open: openNpz,
};

/** @param place the archive, or a folder that contains one */
async function openNpz(place: DataPlace, options: DataOptions): Promise<DataSource> {
  const own = place.names.find((name) => name.endsWith(ARCHIVE));
  const path = own === undefined ? place.path : join(place.path, own);
  const file = await DiskFile.open(path);
  let stored: { arrays: FoundArrays; members: ReadonlyMap<string, StoredArray> };
  try {
    stored = await readArchive(file);
  } catch (error) {
    await file.close();
    throw error;
  }
  const { arrays, members } = stored;
  const pairOf = ({ inputs, targets }: FoundArrays["training"]) => {
    return { inputs: members.get(inputs)!, targets: members.get(targets)! };
  };
  return openArraySet(
    {
      ...{ format: "NPZ", where: pathText(path), files: [file] },
      training: pairOf(arrays.training),
      test: arrays.test && pairOf(arrays.test),
    },
    options,
  );
}

async function readArchive(file: DiskFile) {
  let found: FoundArrays | undefined;
  const choose = (names: readonly string[]) => {
    found = chooseArrays(file.path, names);
    return listArrays(found).map((name) => `${name}${ENDING}`);
  };
  const check: CheckBeginning = (name, beginning, byteLength) => {
    parseHeader(name, beginning, byteLength, "npy");
  };
  const sources = await readZipMembers(file, choose, check);
  const members = new Map<string, StoredArray>();
  for (const [name, source] of sources) {
    members.set(name.slice(0, -ENDING.length), await readArray(source, "npy"));
  }
  return { arrays: found!, members };
}

function chooseArrays(path: string, members: readonly string[]): FoundArrays {
  const names = members.flatMap((name) =>
    name.endsWith(ENDING) ? [name.slice(0, -ENDING.length)] : [],
  );
  const found = findArrays(names);
  const [missing] = found ? found.missing : ["x_train"];
  if (found && missing === undefined) return found.arrays;
  throw new TandemError(
    "data-file-missing",
    `${pathText(path)} has no array ${missing}. An archive contains ${USUAL_ARRAYS}, or only the first two; this one has ${names.map(pathText).join(", ") || "no arrays"}.`,
  );
}
