// NPY, NumPy's format for one array: a magic number, a header that is a Python dictionary, and the values. Versions 1 to 3.
// Nothing in it is ever executed: objects, which NumPy pickles, are refused. Source: numpy.lib.format, and NEP 1. Pure.
import { TandemError } from "../../../errors.js";
import { quote } from "../../../network/problem.js";
import { type ArrayHeader, damagedArray, MAX_SIDES } from "./array-header.js";
import type { ValueType } from "./value-type.js";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** NumPy itself refuses longer headers. */
const MAX_HEADER_BYTES = 10_000;
/** The number of bytes that `parseNpyHeader` needs at most. */
export const NPY_HEADER_BYTES = 12 + MAX_HEADER_BYTES;

export function isNpy(beginning: Uint8Array): boolean {
  return MAGIC.every((byte, index) => beginning[index] === byte);
}

/**
 * @param beginning the first `NPY_HEADER_BYTES` of the file, or all of it
 * @throws TandemError `data-file-damaged` if it cannot be read, `data-format` if it is not supported
 */
export function parseNpyHeader(file: string, beginning: Uint8Array): ArrayHeader {
  if (!isNpy(beginning))
    throw damagedArray(file, "not an NPY file: it does not begin with \\x93NUMPY");
  const { text, byteOffset } = headerText(file, beginning);
  const { descr, isFortranOrder, shape } = parseDictionary(file, text);
  const type = parseType(file, descr);
  if (isFortranOrder && shape.length > 1) {
    throw unused(
      file,
      "it is in Fortran order, column by column. Save it in C order: np.save(FILE, np.ascontiguousarray(x))",
    );
  }
  if (shape.length < 1 || shape.length > MAX_SIDES) {
    throw unused(
      file,
      `it has ${shape.length} sides; 1 to ${MAX_SIDES} are supported, of which the first is the number of samples. Reshape it`,
    );
  }
  return { type, shape, byteOffset };
}

function headerText(file: string, bytes: Uint8Array): { text: string; byteOffset: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6] ?? 0;
  if (version < 1 || version > 3) {
    throw damagedArray(file, `an NPY file of version ${version}; versions 1 to 3 are read`);
  }
  const from = version === 1 ? 10 : 12;
  if (bytes.length < from) throw damagedArray(file, `cut short: its header is incomplete`);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES) {
    throw damagedArray(
      file,
      `its header has ${length} bytes; at most ${MAX_HEADER_BYTES} are read`,
    );
  }
  if (bytes.length < from + length) throw damagedArray(file, `cut short: its header is incomplete`);
  const encoding = version === 3 ? "utf-8" : "latin1";
  const text = new TextDecoder(encoding).decode(bytes.subarray(from, from + length));
  return { text, byteOffset: from + length };
}

interface Dictionary {
  descr: string;
  isFortranOrder: boolean;
  shape: number[];
}

/** Parses the dictionary, with keys in any order: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }` */
function parseDictionary(file: string, text: string): Dictionary {
  const body = /^\s*\{([\s\S]*)\}\s*$/.exec(text)?.[1];
  const descr = find(body, "descr", /'[^']*'|"[^"]*"|\[/);
  if (descr === "[") {
    throw unused(
      file,
      "it is a structured array. Save one plain array for inputs and one for targets",
    );
  }
  const order = find(body, "fortran_order", /True|False/);
  const shape = find(body, "shape", /\(\s*(?:\d+L?\s*,\s*)*(?:\d+L?\s*)?\)/);
  if (descr === undefined || order === undefined || shape === undefined) {
    throw damagedArray(file, `its header cannot be read: ${quote(text.trim())}`);
  }
  const sides = [...shape.matchAll(/\d+/g)].map(([digits]) => Number(digits));
  if (sides.some((side) => !Number.isSafeInteger(side))) {
    throw damagedArray(file, `its shape ${shape} is absurd`);
  }
  return { descr, isFortranOrder: order === "True", shape: sides };
}

function find(body: string | undefined, key: string, value: RegExp): string | undefined {
  const pattern = new RegExp(`(?:^|[,{\\s])['"]${key}['"]\\s*:\\s*(${value.source})`);
  return body === undefined ? undefined : pattern.exec(body)?.[1];
}

/** NumPy's array protocol: byte order, kind, bytes per value. */
function parseType(file: string, descr: string): ValueType {
  const [, order = "", kind = "", digits = ""] = /^['"]([<>|=]?)(\w)(\d*)['"]$/.exec(descr) ?? [];
  if (kind === "O") {
    throw unused(
      file,
      "it contains pickled Python objects, which are never loaded. Save an array of numbers: np.save(FILE, np.stack(x))",
    );
  }
  const byteLength = Number(digits);
  const isKnownKind = kind === "b" || kind === "u" || kind === "i" || kind === "f";
  const isKnownLength =
    byteLength === 1 || byteLength === 2 || byteLength === 4 || byteLength === 8;
  if (!isKnownKind || !isKnownLength) {
    throw unused(file, `its values are of the type ${descr}. Convert them: x.astype("float32")`);
  }
  return { kind, byteLength, isBigEndian: order === ">" };
}

function unused(file: string, sentence: string): TandemError {
  return new TandemError("data-format", `${file}: ${sentence}.`);
}
