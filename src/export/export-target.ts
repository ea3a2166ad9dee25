// Writes an export atomically. Refuses to replace anything but an earlier export of the same format.
import { randomBytes } from "node:crypto";
import { existsSync, lstatSync, readdirSync, statSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { syncFolder, writeAtomically } from "../shared/checkpoint/atomic-write.js";
import {
  beginningOf,
  checkWritable,
  isSameFile,
  realPathOf,
} from "../shared/checkpoint/output-file.js";
import { messageOf, TandemError } from "../shared/errors.js";
import type { ExportFile, ExportFormat } from "./export-format.js";
import { KERAS_MARK } from "./keras/keras-file.js";
import { MODEL_FILE, SHARD_NAME, TFJS_MARK } from "./keras/tfjs-files.js";
import { ONNX_BEGINNING } from "./onnx/onnx-file.js";
import { CLASS_NAMES_FILE, SAVED_MODEL_FILE, SAVED_MODEL_MARK } from "./saved-model.js";

/** Formats that are a folder; the others are one file. */
export const FOLDER_FORMATS: readonly ExportFormat[] = ["saved-model", "tfjs"];

/** Where to look for the mark: the format's own headers come before it. */
const BEGINNING_BYTES = 200;

/** @throws TandemError `output-unwritable`, naming --output */
export function checkTarget(output: string, format: ExportFormat, checkpoint: string): void {
  if (existsSync(output) && isSameFile(output, checkpoint)) {
    throw unwritable(output, "it is the checkpoint to be exported. Give another path.");
  }
  if (FOLDER_FORMATS.includes(format)) checkFolder(output, format);
  else checkFile(output, format);
}

function checkFile(output: string, format: ExportFormat): void {
  checkWritable(output, "--output");
  if (format === "keras" && !output.endsWith(".keras")) {
    throw unwritable(
      output,
      "Keras reads only files whose names end in .keras. Give a name that ends in .keras.",
    );
  }
  const status = statSync(output, { throwIfNoEntry: false });
  if (!status || status.size === 0) return;
  const beginning = beginningOf(output, BEGINNING_BYTES);
  const isOwn =
    format === "onnx"
      ? beginning.startsWith(Buffer.from(ONNX_BEGINNING).toString("latin1"))
      : beginning.startsWith("PK") && beginning.includes(KERAS_MARK);
  if (!isOwn) throw foreign(output, format);
}

function checkFolder(output: string, format: ExportFormat): void {
  if (output === "") throw unwritable(output, "it is empty. Give the path of a folder.");
  const path = withoutSlash(output);
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) {
    // The folder above must exist and be writable, as for a file.
    checkWritable(path, "--output");
    return;
  }
  if (!status.isDirectory())
    throw unwritable(output, "it is not a folder. Give the path of a folder.");
  checkWritable(join(path, "export"), "--output");
  const names = readdirSync(path);
  if (names.length > 0 && !isOwnFolder(path, names, format)) throw foreign(output, format);
}

/** Whether the folder contains an export and nothing else. */
function isOwnFolder(folder: string, names: readonly string[], format: ExportFormat): boolean {
  if (format === "saved-model") {
    const own = [SAVED_MODEL_FILE, dirname(CLASS_NAMES_FILE)];
    return (
      names.every((name) => own.includes(name)) &&
      names.includes(SAVED_MODEL_FILE) &&
      beginsWithin(join(folder, SAVED_MODEL_FILE), SAVED_MODEL_MARK)
    );
  }
  const isOwn = (name: string) => name === MODEL_FILE || SHARD_NAME.test(name);
  return (
    names.every(isOwn) &&
    names.includes(MODEL_FILE) &&
    beginsWithin(join(folder, MODEL_FILE), TFJS_MARK)
  );
}

/** Whether the mark is within the first bytes of a regular file. */
function beginsWithin(file: string, mark: string): boolean {
  return statSync(file).isFile() && beginningOf(file, BEGINNING_BYTES).includes(mark);
}

/** @param files of `encodeExport`. @throws TandemError `write-failed` */
export async function writeExport(
  output: string,
  format: ExportFormat,
  files: readonly ExportFile[],
): Promise<void> {
  try {
    if (FOLDER_FORMATS.includes(format)) await writeFolder(withoutSlash(output), files);
    else await writeAtomically(output, files[0]!.pieces);
  } catch (error) {
    throw new TandemError(
      "write-failed",
      `The export ${output} could not be written (${messageOf(error)}).`,
      { cause: error },
    );
  }
}

/** Writes the folder under a temporary name and renames it. The old folder is moved away first, and removed at the end. */
async function writeFolder(folder: string, files: readonly ExportFile[]): Promise<void> {
  const target = realPathOf(folder);
  const suffix = `${process.pid}.${randomBytes(6).toString("hex")}`;
  const [fresh, old] = [`${target}.${suffix}.tmp`, `${target}.${suffix}.old`];
  try {
    await mkdir(fresh);
    for (const { path, pieces } of files) await writeFile(join(fresh, ...path.split("/")), pieces);
    await syncFolder(fresh);
    const isReplaced = existsSync(target);
    if (isReplaced) await rename(target, old);
    try {
      await rename(fresh, target);
    } catch (error) {
      if (isReplaced) await rename(old, target);
      throw error;
    }
    await syncFolder(dirname(target));
    if (isReplaced) await rm(old, { recursive: true });
  } finally {
    await rm(fresh, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function writeFile(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(path, "wx", 0o644);
  try {
    for (const piece of pieces) await handle.writeFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function withoutSlash(path: string): string {
  const name = basename(path);
  return name !== "" && (path.endsWith("/") || path.endsWith(sep))
    ? join(dirname(path), name)
    : path;
}

function foreign(output: string, format: ExportFormat): TandemError {
  return unwritable(
    output,
    `it exists and is not an earlier export as ${format}. Give another path.`,
  );
}

function unwritable(output: string, sentence: string): TandemError {
  return new TandemError("output-unwritable", `--output ${output}: ${sentence}`);
}
