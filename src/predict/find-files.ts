// The files that `predict` is asked for: those that are named, and the pictures in folders that are named.
import { readdirSync, type Stats, statSync } from "node:fs";
import { join, sep } from "node:path";
import { isIgnoredName, isPictureName } from "../shared/data/files/pictures/picture-kinds.js";
import { messageOf } from "../shared/errors.js";
import { MAX_FILE_BYTES, refuseInput } from "./sample-input.js";

/**
 * Files as they are named; a folder's pictures, those of its folders included, in the order of their names. Hidden ones and what
 * file managers leave behind are left alone, as in folders that are trained on.
 * @throws TandemError `predict-input` for what is missing, empty, too large or no regular file, and for folders without pictures
 */
export function findFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const status = statusOf(path);
    if (!status.isDirectory()) return [checkFile(path, status)];
    const pictures = listPictures(path);
    if (pictures.length === 0) {
      refuseInput(path, "there are no pictures (png, jpg, webp, gif, tiff, avif) in this folder.");
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
  if (!status.isFile()) refuseInput(file, "it is no regular file.");
  if (status.size === 0) refuseInput(file, "it is empty.");
  if (status.size > MAX_FILE_BYTES) {
    refuseInput(file, `it has ${status.size} bytes, and at most ${MAX_FILE_BYTES} are read.`);
  }
  return file;
}
