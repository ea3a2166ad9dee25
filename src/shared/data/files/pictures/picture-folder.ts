// Lists the classes and files of a folder of pictures: `train/CLASS/…` and optionally `test/CLASS/…`, or `CLASS/…`. A folder's name
// is the class of its pictures.
import {
  type Dirent,
  existsSync,
  lstatSync,
  readdirSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { join, sep } from "node:path";
import { messageOf } from "../../../errors.js";
import { quote } from "../../../network/problem.js";
import { compareCodePoints, pathText, type Refuse } from "../bad-data.js";
import { isIgnoredName, isPictureName, MAX_PICTURE_BYTES } from "./picture-kinds.js";

export interface PictureFile {
  /** Path within the data's folder, with slashes. */
  name: string;
  path: string;
  className: string;
}

export interface PictureFiles {
  /** Sorted by their names' code points. */
  training: PictureFile[];
  /** Undefined if there is no such folder. */
  test: PictureFile[] | undefined;
}

/** Nesting of folders in a class's folder. */
const MAX_DEPTH = 16;
/** In UTF-16 code units: the configuration's limit. */
const MAX_CLASS_NAME = 100;

/** Whether the folder contains folders of pictures, or pictures that should be in such folders. */
export function isPictureFolder(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return false;
  try {
    const training = join(path, "train");
    return holdsPicture(existsSync(training) ? training : path, 2);
  } catch {
    return false; // unreadable folders are refused when they are read
  }
}

/** Stops at the first picture. */
function holdsPicture(folder: string, depth: number): boolean {
  const all = readdirSync(folder, { withFileTypes: true });
  const entries = all.filter(({ name }) => !isIgnoredName(name));
  if (entries.some(({ name }) => isPictureName(name))) return true;
  const folders = entries.filter((entry) => entry.isDirectory());
  return depth > 0 && folders.some(({ name }) => holdsPicture(join(folder, name), depth - 1));
}

/** @throws what `refuse` throws, naming the file or folder */
export function listPictures(folder: string, refuse: Refuse): PictureFiles {
  const lister = new Lister(folder, refuse);
  const has = (name: string) =>
    lstatSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory() === true;
  if (!has("train")) return { training: lister.listClasses(""), test: undefined };
  return {
    training: lister.listClasses("train/"),
    test: has("test") ? lister.listClasses("test/") : undefined,
  };
}

class Lister {
  private readonly root: string;
  private readonly realRoot: string;
  private readonly refuse: Refuse;

  constructor(root: string, refuse: Refuse) {
    this.root = root;
    this.realRoot = realpathSync(root);
    this.refuse = refuse;
  }

  /** @param prefix empty, or the folder's name with a slash */
  listClasses(prefix: string): PictureFile[] {
    const files = this.entriesOf(prefix).flatMap((entry) => {
      const name = `${prefix}${entry.name}`;
      if (this.isFolder(entry, name)) return this.listClass(name, entry.name);
      if (isPictureName(entry.name)) {
        this.refuse(
          this.pathOf(name),
          "it is not in the folder of a class. Move it into a folder that is named after its class.",
        );
      }
      return [];
    });
    return files.toSorted((a, b) => compareCodePoints(a.name, b.name));
  }

  private listClass(folder: string, className: string): PictureFile[] {
    if (className.length > MAX_CLASS_NAME) {
      this.refuse(
        this.pathOf(folder),
        `the name of a class has at most ${MAX_CLASS_NAME} characters, but this has ${className.length}. Rename the folder.`,
      );
    }
    const files = this.listFolder(folder, className, 0);
    if (files.length === 0)
      this.refuse(
        this.pathOf(folder),
        "this class has no pictures. Remove the folder, or put pictures into it.",
      );
    return files;
  }

  private listFolder(folder: string, className: string, depth: number): PictureFile[] {
    if (depth > MAX_DEPTH)
      this.refuse(this.pathOf(folder), `it is more than ${MAX_DEPTH} folders deep.`);
    return this.entriesOf(`${folder}/`).flatMap((entry) => {
      const name = `${folder}/${entry.name}`;
      if (this.isFolder(entry, name)) return this.listFolder(name, className, depth + 1);
      return [this.checkFile({ name, path: this.pathOf(name), className })];
    });
  }

  private entriesOf(prefix: string): Dirent[] {
    const folder = this.pathOf(prefix);
    try {
      const entries = readdirSync(folder, { withFileTypes: true });
      return entries.filter(({ name }) => !isIgnoredName(name));
    } catch (error) {
      return this.refuse(folder, `it cannot be read (${messageOf(error)}).`, error);
    }
  }

  /** Links to folders are refused, as they may form cycles. */
  private isFolder(entry: Dirent, name: string): boolean {
    if (entry.isDirectory()) return true;
    if (!entry.isSymbolicLink()) return false;
    const path = this.pathOf(name);
    if (this.statusOf(path)?.isDirectory() === true) {
      this.refuse(path, "it is a link to a folder. Put the folder itself here.");
    }
    return false;
  }

  private checkFile(file: PictureFile): PictureFile {
    const { path, name } = file;
    if (!isPictureName(name)) {
      this.refuse(
        path,
        "it is not a supported picture: png, jpg, webp, gif, tiff or avif. Remove it, or convert it.",
      );
    }
    const status = this.statusOf(path);
    if (!status)
      return this.refuse(
        path,
        "it cannot be opened: it is a dangling link, or its name is not UTF-8.",
      );
    if (!status.isFile()) this.refuse(path, "it is not a regular file.");
    if (status.size === 0) this.refuse(path, "it is empty.");
    if (status.size > MAX_PICTURE_BYTES) {
      this.refuse(
        path,
        `it has ${status.size} bytes, but a picture has at most ${MAX_PICTURE_BYTES}.`,
      );
    }
    if (this.isLinkOutside(path)) {
      this.refuse(
        path,
        `it is a link to a file outside of ${pathText(this.root)}. Put the file itself here.`,
      );
    }
    return file;
  }

  /** Undefined if it does not exist. Cyclic links, names that are too long and so on are refused. */
  private statusOf(path: string): Stats | undefined {
    try {
      return statSync(path, { throwIfNoEntry: false });
    } catch (error) {
      return this.refuse(path, `it cannot be opened (${messageOf(error)}).`, error);
    }
  }

  private isLinkOutside(path: string): boolean {
    try {
      if (!lstatSync(path).isSymbolicLink()) return false;
      return !realpathSync(path).startsWith(`${this.realRoot}${sep}`);
    } catch (error) {
      return this.refuse(path, `it cannot be opened (${messageOf(error)}).`, error);
    }
  }

  private pathOf(name: string): string {
    return join(this.root, ...name.split("/"));
  }
}

/** The names of the classes of some files, sorted by code points. */
export function classNamesOf(files: readonly PictureFile[]): string[] {
  return [...new Set(files.map(({ className }) => className))].toSorted(compareCodePoints);
}

/** @throws what `refuse` throws, for a file whose class is not among the names */
export function classesOf(
  files: readonly PictureFile[],
  classNames: readonly string[],
  refuse: Refuse,
): Int32Array {
  const places = new Map(classNames.map((name, place) => [name, place]));
  return Int32Array.from(files, ({ path, className }) => {
    const place = places.get(className);
    return place ?? refuse(path, `${quote(className)} is not a class of the training set.`);
  });
}
