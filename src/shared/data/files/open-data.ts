// Opens what `--data` names as a data source.
import { TandemError } from "../../errors.js";
import type { DataSource } from "../samples.js";
import type { DataKind, DataOptions } from "./data-kind.js";
import { type DataPlace, lookAt, pathText } from "./data-place.js";
import { idxKind } from "./arrays/idx-kind.js";
import { mnistFolder } from "./mnist.js";
import { npyKind } from "./arrays/npy-kind.js";
import { npzKind } from "./arrays/npz-kind.js";
import { pictureKind } from "./pictures/picture-kind.js";
import { tableKind } from "./tables/table-kind.js";

export type { DataOptions } from "./data-kind.js";

/** The first kind that recognizes the data opens it. */
const KINDS: readonly DataKind[] = [idxKind, npyKind, npzKind, tableKind, pictureKind];

/**
 * @param path a file or folder; undefined: MNIST
 * @throws TandemError `data-…` with exit code 2, naming the file (and the row) and what is wrong with it
 */
export async function openData(
  path: string | undefined,
  options: DataOptions = {},
): Promise<DataSource> {
  const place = lookAt(path ?? mnistFolder());
  const kind = KINDS.find((each) => each.recognizes(place)) ?? refuse(place);
  checkOptions(kind, options);
  const data = await kind.open(place, options);
  return { ...data, kind: kind.name, ...(path === undefined ? {} : { path }) };
}

/** @throws TandemError `usage` for an option of another kind of data */
function checkOptions(kind: DataKind, { label, labelKind, pictureSize }: DataOptions): void {
  const isTable = kind === tableKind;
  const foreign =
    (!isTable && label !== undefined && "--label is for tables") ||
    (!isTable && labelKind !== undefined && "--label-kind is for tables") ||
    (kind !== pictureKind && pictureSize !== undefined && "--picture-size is for pictures");
  if (foreign === false) return;
  throw new TandemError("usage", `${foreign}, but the data is ${kind.sign}. Leave it out.`);
}

/** As `openData`, for data that must be in MNIST's format. */
export async function openIdx(
  path: string | undefined,
  options: DataOptions = {},
): Promise<DataSource> {
  const data = await idxKind.open(lookAt(path ?? mnistFolder()), options);
  return { ...data, kind: idxKind.name, ...(path === undefined ? {} : { path }) };
}

function refuse({ path, isFolder }: DataPlace): never {
  throw new TandemError(
    isFolder ? "data-file-missing" : "data-format",
    `--data ${pathText(path)} is none of the data that Tandem reads: ${KINDS.map(({ sign }) => sign).join("; ")}.`,
  );
}
