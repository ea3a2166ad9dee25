// A folder of pictures → a data source.
import { createHash } from "node:crypto";
import { MAX_CLASS_NAMES, type RunConfig } from "../../../config.js";
import { messageOf, TandemError } from "../../../errors.js";
import { sizeOf } from "../../../network/network.js";
import { quote } from "../../../network/problem.js";
import type { DataSource } from "../../samples.js";
import { splitShuffled } from "../../split.js";
import { pathText, type Refuse, refuseWith } from "../bad-data.js";
import type { DataOptions } from "../data-kind.js";
import { readPictureBytes } from "./picture-bytes.js";
import { readPictureHeader } from "./picture-decoder.js";
import { classesOf, classNamesOf, listPictures, type PictureFile } from "./picture-folder.js";
import type { PictureHeader, PictureShape } from "./picture-kinds.js";
import { decodeAll, PictureReader, PictureSet, type SeenPicture } from "./picture-set.js";
import { chooseShape, describePictures, type SplitKind } from "./picture-shape.js";

/** Larger sets (in bytes of pixels) are decoded again in each epoch. */
const MEMORY_BYTES = 2 ** 29;
/** For a larger set: the fraction of `maxMemoryBytes` that is used to cache pixels. */
const CACHE_SHARE = 0.5;
const FILES_AT_ONCE = 16;

const refuse: Refuse = refuseWith("data-pictures");

/**
 * @returns pixels as bytes, [height, width, 1] if all pictures are grey, else [height, width, 3]. Without a folder `test`, a fifth of
 * each class are test pictures. Pictures are shuffled before they are split. The digest is SHA-256 of their names, their files and the
 * shape
 * @throws TandemError `data-pictures`, naming the file or folder; `data-too-small`
 */
export async function loadPictures(folder: string, options: DataOptions): Promise<DataSource> {
  const { known, maxMemoryBytes = MEMORY_BYTES } = options;
  const { training, test } = listPictures(folder, refuse);
  const all = [...training, ...(test ?? [])];
  const classNames = namesOfRun(known) ?? classNamesOf(training);
  checkClasses(folder, classNames);
  const classes = classesOf(training, classNames, refuse);
  const testClasses = test && classesOf(test, classNames, refuse);
  const { headers, digests, seen } = await readFiles(all);
  const shape = chooseShape(folder, headers, options, refuse);
  const digest = digestOf(shape, all, digests);
  const fits = all.length * sizeOf(shape) <= maxMemoryBytes;
  const reader = new PictureReader(shape, seen, fits ? 0 : CACHE_SHARE * maxMemoryBytes, refuse);
  const open = (files: readonly PictureFile[], labels: Int32Array) => {
    const set = new PictureSet(files, labels, reader);
    return fits ? decodeAll(set) : Promise.resolve(set);
  };
  const pick = (indices: Uint32Array) => {
    const files = Array.from(indices, (index) => training[index]!);
    return open(
      files,
      Int32Array.from(indices, (index) => classes[index]!),
    );
  };
  const common = {
    inputShape: shape,
    inputType: "uint8" as const,
    target: { kind: "classes" as const, count: classNames.length },
    digest,
    classNames,
  };
  const describe = (sets: PictureSets, split: SplitKind) => ({
    ...{ ...common, ...sets },
    description: describePictures({ ...common, ...sets }, headers, split),
  });
  if (known !== undefined && known.data.digest !== digest && !test) {
    // Pictures other than those that were trained on can only be for evaluation.
    const set = await open(training, classes);
    return describe({ training: set, validation: await pick(new Uint32Array()), test: set }, "all");
  }
  const { validationSize } = options;
  const where = pathText(folder);
  const hasTest = test !== undefined;
  const parts = splitShuffled(classes.length, { hasTest, validationSize, where }, classes);
  const sets = { training: await pick(parts.training), validation: await pick(parts.validation) };
  return test && testClasses
    ? describe({ ...sets, test: await open(test, testClasses) }, "folder")
    : describe({ ...sets, test: await pick(parts.test) }, "drawn");
}

type PictureSets = Pick<DataSource, "training" | "validation" | "test">;

function checkClasses(folder: string, classNames: readonly string[]): void {
  const [first] = classNames;
  if (first === undefined) refuse(folder, "it has no folders with pictures.");
  if (classNames.length > 1) return;
  refuse(
    folder,
    `all its pictures belong to one class, ${quote(first)}. At least two classes are needed.`,
  );
}

/** A configuration has no class names if they are the class numbers, or if there are too many. */
function namesOfRun(known: RunConfig | undefined): readonly string[] | undefined {
  if (known?.data.target.kind !== "classes") return undefined;
  const { target, classNames } = known.data;
  if (classNames === undefined && target.count > MAX_CLASS_NAMES) return undefined;
  return classNames ?? Array.from({ length: target.count }, (_, index) => String(index));
}

/** Headers and SHA-256 of the files, in order. Each file is read once. */
async function readFiles(files: readonly PictureFile[]) {
  const headers: PictureHeader[] = [];
  const digests: string[] = [];
  const seen = new Map<string, SeenPicture>();
  for (let from = 0; from < files.length; from += FILES_AT_ONCE) {
    const group = files.slice(from, from + FILES_AT_ONCE);
    for (const [index, result] of (await Promise.allSettled(group.map(readFileHeader))).entries()) {
      if (result.status === "rejected") throw result.reason;
      const { header, digest, identity } = result.value;
      headers.push(header);
      digests.push(digest);
      seen.set(group[index]!.path, { header, identity });
    }
  }
  return { headers, digests, seen };
}

async function readFileHeader({ path }: PictureFile) {
  try {
    const { bytes, identity } = await readPictureBytes(path);
    const header = await readPictureHeader(bytes);
    return { header, identity, digest: createHash("sha256").update(bytes).digest("hex") };
  } catch (error) {
    if (error instanceof TandemError) throw error;
    return refuse(path, `it cannot be read as a picture (${messageOf(error)}).`, error);
  }
}

function digestOf(
  shape: PictureShape,
  files: readonly PictureFile[],
  digests: readonly string[],
): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify({ format: "tandem-pictures/1", shape }));
  files.forEach(({ name }, index) => hash.update(JSON.stringify([name, digests[index]])));
  return hash.digest("hex");
}
