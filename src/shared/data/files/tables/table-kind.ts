// Tables as a kind of data: a CSV or TSV file, or a folder with a training file and optionally a test file.
import { join } from "node:path";
import type { DataKind } from "../data-kind.js";
import type { DataPlace } from "../data-place.js";
import { loadTable, type TableFiles } from "./table-source.js";

const TABLE_NAME = /\.[ct]sv(\.gz)?$/i;
const TRAINING_NAME = /^train\.[ct]sv(\.gz)?$/;
const TEST_NAME = /^test\.[ct]sv(\.gz)?$/;

export const tableKind: DataKind = {
  name: "table",
  sign: "a table as CSV or TSV with a header, or a folder with train.csv and test.csv",
  recognizes: (place) => findTable(place) !== undefined,
  open: (place, options) => loadTable(findTable(place)!, options),
};

function findTable({ path, isFolder, names, beginning }: DataPlace): TableFiles | undefined {
  if (!isFolder) return TABLE_NAME.test(path) || isText(beginning) ? { training: path } : undefined;
  const training = names.find((name) => TRAINING_NAME.test(name));
  const test = names.find((name) => TEST_NAME.test(name));
  if (training === undefined) return undefined;
  return {
    training: join(path, training),
    test: test === undefined ? undefined : join(path, test),
  };
}

/** UTF-8 without control characters other than tabs and line ends, with a delimiter in its first line. */
function isText(beginning: Uint8Array): boolean {
  // The last character may be incomplete.
  const text = new TextDecoder().decode(beginning.subarray(0, -4));
  return !/\ufffd|(?![\t\r\n])\p{Cc}/u.test(text) && /^[^\r\n]*[,;\t][^\r\n]*[\r\n]/.test(text);
}
