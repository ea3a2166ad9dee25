// The files that `predict` reads: the given files, and the pictures in the given folders.
import { readdirSync, type Stats, statSync } from "node:fs";
import { join, sep } from "node:path";
import { isIgnoredName, isPictureName } from "../shared/data/files/pictures/picture-kinds.js";
import { messageOf } from "../shared/errors.js";
import { MAX_FILE_BYTES, refuseInput } from "./sample-input.js";

/**
 * Keeps the order of the given paths. Each folder is replaced by its pictures, including those in subfolders, sorted by name; hidden
 * files and those that file managers create are ignored, as they are in training data.
 * @throws TandemError `predict-input` for a file that is missing, empty, too large or not a regular file, and for a folder without
 * pictures
 */
export function findFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const status = statusOf(path);
    if (!status.isDirectory()) return [checkFile(path, status)];
    const pictures = listPictures(path);
    if (pictures.length === 0) {
      refuseInput(path, "this folder contains no pictures (png, jpg, webp, gif, tiff, avif).");
    }
    return pictures.map((file) => checkFile(file, statusOf(file)));
  });
}

function listPictures(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  } catch (error) {
    return refuseInput(folder, `it cannot be read (${messageOf(error)}).`, error);
  }
  return names
    .filter((name) => isPictureName(name) && !name.split(sep).some(isIgnoredName))
    .sort()
    .map((name) => join(folder, name));
}

function statusOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    return refuseInput(path, `it cannot be read (${messageOf(error)}).`, error);
  }
}

function checkFile(file: string, status: Stats): string {
  if (!status.isFile()) refuseInput(file, "it is not a regular file.");
  if (status.size === 0) refuseInput(file, "it is empty.");
  if (status.size > MAX_FILE_BYTES) {
    refuseInput(file, `it has ${status.size} bytes; the limit is ${MAX_FILE_BYTES}.`);
  }
  return file;
}
