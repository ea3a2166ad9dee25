// Pictures as a kind of data: folders that are named after the classes of their pictures.
import type { DataKind } from "../data-kind.js";
import { isPictureFolder } from "./picture-folder.js";
import { loadPictures } from "./pictures-source.js";

export const pictureKind: DataKind = {
  name: "pictures",
  sign: "a folder of pictures, train/CLASS/… and test/CLASS/…, or CLASS/…",
  recognizes: ({ path, isFolder }) => isFolder && isPictureFolder(path),
  open: ({ path }, options) => loadPictures(path, options),
};
