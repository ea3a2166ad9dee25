// A data set in MNIST's format: four IDX files in a folder, recognized by their names. A folder may contain several sets.
import { basename, dirname } from "node:path";
import { TandemError } from "../../../errors.js";
import type { DataSource } from "../../samples.js";
import { type ArrayFiles, openArraySet } from "./array-set.js";
import type { DataKind, DataOptions } from "../data-kind.js";
import { type DataPlace, lookAt, pathText } from "../data-place.js";
import { isIdx } from "./idx.js";
import { withFiles } from "./open-files.js";
import { openArray } from "./stored-array.js";

/** `train-images-idx3-ubyte`, and as on Kaggle and in EMNIST: `train-images.idx3-ubyte`, `emnist-digits-train-images-idx3-ubyte.gz`. */
const NAME =
  /^(?:(?<set>.+)-)?(?<part>train|t10k|test)-(?<role>images|features|vectors|labels|targets)[-.]idx\d(?:-\w+)?(?:\.gz)?$/;

/** A parsed file name; `place` is `train/inputs` and so on. */
interface NamedFile {
  name: string;
  set: string;
  place: string;
}

const PLACES = ["train/inputs", "train/targets", "test/inputs", "test/targets"] as const;

/** For messages. */
const USUAL_NAMES: Readonly<Record<(typeof PLACES)[number], string>> = {
  "train/inputs": "train-images-idx3-ubyte",
  "train/targets": "train-labels-idx1-ubyte",
  "test/inputs": "t10k-images-idx3-ubyte",
  "test/targets": "t10k-labels-idx1-ubyte",
};

export const idxKind: DataKind = {
  name: "idx",
  sign: `a folder with the four IDX files of MNIST's format, ${Object.values(USUAL_NAMES).join(", ")}, plain or gzipped`,
  recognizes: ({ isFolder, names, beginning }) =>
    isFolder ? names.some((name) => NAME.test(name)) : isIdx(beginning),
  open: openIdx,
};

/** @returns undefined if it is not the name of a file in MNIST's format */
function parseName(name: string): NamedFile | undefined {
  const { set = "", part, role } = NAME.exec(name)?.groups ?? {};
  if (part === undefined || role === undefined) return undefined;
  const isTarget = role === "labels" || role === "targets";
  const place = `${part === "train" ? "train" : "test"}/${isTarget ? "targets" : "inputs"}`;
  return { name, set, place };
}

function openIdx(place: DataPlace, options: DataOptions): Promise<DataSource> {
  const { path } = place;
  const folder = place.isFolder ? path : dirname(path);
  const own = place.isFolder ? undefined : parseName(basename(path));
  if (!place.isFolder && !own) {
    throw new TandemError(
      "data-format",
      `--data ${pathText(path)} is an IDX file, but its name is not like train-images-idx3-ubyte. Give a folder with the four files of a data set.`,
    );
  }
  const { names } = place.isFolder ? place : lookAt(folder);
  const found = names.map(parseName).filter((file) => file !== undefined);
  const set = own?.set ?? onlySet(path, found);
  const files = PLACES.map((each) => fileOf(folder, found, set, each));
  return withFiles(folder, files, async (open) => {
    const [inputs, targets, testInputs, testTargets] = await Promise.all(
      open.map((file) => openArray(file, "idx")),
    );
    const stored: ArrayFiles = {
      ...{ format: "IDX", where: pathText(path), files: open },
      training: { inputs: inputs!, targets: targets! },
      test: { inputs: testInputs!, targets: testTargets! },
    };
    return openArraySet(stored, options);
  });
}

function onlySet(path: string, found: readonly NamedFile[]): string {
  const sets = [...new Set(found.map(({ set }) => set))];
  if (sets.length === 1) return sets[0]!;
  // Files without a prefix are preferred.
  if (sets.includes("")) return "";
  throw new TandemError(
    "data-format",
    `--data ${pathText(path)} holds several data sets: ${sets.map(pathText).join(", ")}. Give one of their files instead of the folder.`,
  );
}

/** The unpacked file is preferred. */
function fileOf(
  folder: string,
  found: readonly NamedFile[],
  set: string,
  place: (typeof PLACES)[number],
): string {
  const candidates = found.filter((file) => file.set === set && file.place === place);
  const plain = candidates.filter(({ name }) => !name.endsWith(".gz"));
  const [file] = [...plain, ...candidates];
  if (file) return file.name;
  const name = `${set === "" ? "" : `${set}-`}${USUAL_NAMES[place]}`;
  throw new TandemError(
    "data-file-missing",
    `${pathText(folder)} has no ${name} (or ${name}.gz). A data folder contains the four MNIST-format files ${Object.values(USUAL_NAMES).join(", ")}.`,
  );
}
