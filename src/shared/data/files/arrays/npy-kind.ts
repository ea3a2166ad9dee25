// A folder of NumPy arrays, x_train.npy and so on, with or without a test set.
import { dirname } from "node:path";
import { TandemError } from "../../../errors.js";
import type { DataSource } from "../../samples.js";
import { findArrays, listArrays, USUAL_ARRAYS } from "./array-names.js";
import { openArraySet } from "./array-set.js";
import type { DataKind, DataOptions } from "../data-kind.js";
import { type DataPlace, lookAt, pathText } from "../data-place.js";
import { isNpy } from "./npy.js";
import { withFiles } from "./open-files.js";
import { openArray } from "./stored-array.js";

const ENDING = ".npy";

export const npyKind: DataKind = {
  name: "npy",
  sign: `a folder of NumPy arrays, ${USUAL_ARRAYS} with the extension .npy`,
  recognizes: ({ isFolder, names, beginning }) =>
    isFolder ? names.some((name) => name.endsWith(ENDING)) : isNpy(beginning),
  open: openNpy,
};

/** @param place the folder or one of its files */
function openNpy(place: DataPlace, options: DataOptions): Promise<DataSource> {
  const { path } = place;
  const folder = place.isFolder ? path : dirname(path);
  const { names } = place.isFolder ? place : lookAt(folder);
  const arrays = names.filter((name) => name.endsWith(ENDING));
  const found = findArrays(arrays.map((name) => name.slice(0, -ENDING.length)));
  const [missing] = found ? found.missing : ["x_train"];
  if (!found || missing !== undefined) {
    throw new TandemError(
      "data-file-missing",
      `${pathText(folder)} has no ${missing}${ENDING}. A folder of NumPy arrays contains ${USUAL_ARRAYS}, each with the extension ${ENDING}, or only the first two.`,
    );
  }
  const files = listArrays(found.arrays).map((name) => `${name}${ENDING}`);
  return withFiles(folder, files, async (open) => {
    const [inputs, targets, testInputs, testTargets] = await Promise.all(
      open.map((file) => openArray(file, "npy")),
    );
    return openArraySet(
      {
        ...{ format: "NPY", where: pathText(path), files: open },
        training: { inputs: inputs!, targets: targets! },
        test: testInputs && testTargets && { inputs: testInputs, targets: testTargets },
      },
      options,
    );
  });
}
