// Reads a CSV or TSV file, plain or gzipped, as text: its header and its rows. The format is that of RFC 4180 with commas, semicolons
// or tabs, in UTF-8. csv-parse reads it as a stream, so that a large table's text is never in memory completely.
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { CsvError, parse } from "csv-parse";
import { beginningOf } from "../../../checkpoint/output-file.js";
import { messageOf, TandemError } from "../../../errors.js";
import { quote } from "../../../network/problem.js";
import { MAX_CELL_NAME_LENGTH, MAX_COLUMNS } from "../../table.js";
import type { Refuse } from "../bad-data.js";
import { readBeginning } from "../data-place.js";
import { isNumber } from "./table-cells.js";

export interface TableText {
  /** The columns' names; undefined if the first row contains numbers. */
  header: readonly string[] | undefined;
  /** The trimmed cells of each row after the header. All rows have the same number of cells as the first one. */
  rows: AsyncIterable<readonly string[]>;
}

export interface TableTextOptions {
  refuse: Refuse;
  /** Called with the file's bytes, in order. */
  onBytes?: (bytes: Uint8Array) => void;
}

const DELIMITERS = [",", "\t", ";"];
/** With a quote that is never closed, the rest of the file would be one row. */
const MAX_ROW_LENGTH = 2 ** 20;

/**
 * Opens a table, reads its header, calls `read`, and closes it.
 * @param read may stop before the last row
 * @throws what `refuse` throws, here and while the rows are read
 */
export async function readTableText<Result>(
  file: string,
  options: TableTextOptions,
  read: (text: TableText) => Promise<Result>,
): Promise<Result> {
  const { refuse } = options;
  const records = readRecords(file, options);
  try {
    const first = await records.next();
    if (first.done === true) return refuse(file, "it is empty. Give a table with a header.");
    const cells = first.value;
    if (cells.every(isNumber)) {
      return await read({ header: undefined, rows: prepend(cells, file, records, refuse) });
    }
    checkHeader(file, cells, refuse);
    return await read({ header: cells, rows: checkLengths(file, cells.length, records, refuse) });
  } finally {
    // Closes the file if there are rows left.
    await records.return(undefined);
  }
}

/** Looks at the beginning of the file, unpacked if it is gzipped. */
function detectFormat(file: string, refuse: Refuse): { delimiter: string; isGzipped: boolean } {
  let text: string;
  let isGzipped: boolean;
  try {
    text = Buffer.from(readBeginning(file)).toString("latin1");
    isGzipped = beginningOf(file, 2) === "\x1f\x8b";
  } catch (error) {
    return refuse(file, `it cannot be read (${messageOf(error)}).`, error);
  }
  if (/^(\xff\xfe|\xfe\xff)/.test(text)) refuse(file, "it is UTF-16. Save it as UTF-8.");
  const counts = DELIMITERS.map((delimiter) => countOutsideQuotes(text, delimiter));
  return { delimiter: DELIMITERS[counts.indexOf(Math.max(...counts))]!, isGzipped };
}

/** Counts within the first line. */
function countOutsideQuotes(text: string, delimiter: string): number {
  let [count, isQuoted] = [0, false];
  for (const character of text) {
    if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted) continue;
    else if (character === "\n" || character === "\r") break;
    else if (character === delimiter) count++;
  }
  return count;
}

async function* readRecords(
  file: string,
  { refuse, onBytes }: TableTextOptions,
): AsyncGenerator<string[], undefined> {
  const { delimiter, isGzipped } = detectFormat(file, refuse);
  const parser = parse({
    ...{ delimiter, bom: true, record_delimiter: ["\r\n", "\n", "\r"], skip_empty_lines: true },
    // Rows of another length are refused by `checkLengths`, which knows their numbers.
    ...{ relax_column_count: true, max_record_size: MAX_ROW_LENGTH },
    // `trim` would also remove tabs that separate cells.
    ...(delimiter === "\t" ? {} : { trim: true }),
  });
  // Errors of the whole pipeline are thrown by the parser.
  const check = checkText(file, refuse, onBytes);
  const done = () => undefined;
  if (isGzipped) pipeline(createReadStream(file), createGunzip(), check, parser, done);
  else pipeline(createReadStream(file), check, parser, done);
  try {
    for await (const record of parser as AsyncIterable<string[]>) {
      const cells = record.map((cell) => cell.trim());
      if (cells.length > 1 || cells[0] !== "") yield cells;
    }
  } catch (error) {
    if (error instanceof TandemError) throw error;
    refuse(
      file,
      error instanceof CsvError ? csvSentence(error) : `it cannot be read (${messageOf(error)}).`,
      error,
    );
  }
  return undefined;
}

/** Passes the bytes on if they are valid UTF-8. */
function checkText(file: string, refuse: Refuse, onBytes?: (bytes: Uint8Array) => void) {
  return async function* (chunks: AsyncIterable<Buffer>) {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    let offset = 0;
    const check = (chunk: Buffer | undefined) => {
      try {
        decoder.decode(chunk, { stream: chunk !== undefined });
      } catch (error) {
        refuse(file, `it is not UTF-8, from about byte ${offset} on. Save it as UTF-8.`, error);
      }
    };
    for await (const chunk of chunks) {
      check(chunk);
      if (chunk.includes(0)) refuse(file, "it contains zero bytes, so it is not a text file.");
      onBytes?.(chunk);
      offset += chunk.length;
      yield chunk;
    }
    check(undefined);
  };
}

const QUOTE_PROBLEMS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: "has a quote that is never closed",
  CSV_INVALID_CLOSING_QUOTE:
    "has text behind a closing quote. Write a quote inside of quotes twice",
  CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE:
    "has text behind a closing quote. Write a quote inside of quotes twice",
  INVALID_OPENING_QUOTE:
    "has a quote within a cell. Put the cell into quotes, and write the quote twice",
  CSV_MAX_RECORD_SIZE: `is longer than ${MAX_ROW_LENGTH} characters, or has a quote that is never closed`,
};

/** The parser counts the header as a record, so the number of preceding records is the row's number. */
function csvSentence({ code, message, records }: CsvError & { records?: number }): string {
  const place = records === undefined || records === 0 ? "the header" : `row ${records}`;
  return `${place} ${QUOTE_PROBLEMS[code] ?? `cannot be read (${message})`}.`;
}

function checkHeader(file: string, names: readonly string[], refuse: Refuse): void {
  const seen = new Map<string, number>();
  names.forEach((name, index) => {
    const column = index + 1;
    if (name === "") {
      const hint =
        index === 0 ? " pandas writes such a column for the index; use index=False." : "";
      refuse(file, `column ${column} of its header has no name.${hint}`);
    }
    if (name.length > MAX_CELL_NAME_LENGTH) {
      refuse(
        file,
        `the name of column ${column}, ${quote(name)}, has ${name.length} characters, but at most ${MAX_CELL_NAME_LENGTH} are allowed.`,
      );
    }
    const other = seen.get(name);
    if (other !== undefined)
      refuse(file, `columns ${other} and ${column} are both named ${quote(name)}. Rename one.`);
    seen.set(name, column);
  });
  if (names.length > MAX_COLUMNS + 1) {
    refuse(
      file,
      `it has ${names.length} columns, but a table has at most ${MAX_COLUMNS} besides its label. Give the data as NPY.`,
    );
  }
}

async function* prepend(
  first: readonly string[],
  file: string,
  records: AsyncGenerator<string[]>,
  refuse: Refuse,
): AsyncGenerator<readonly string[], undefined> {
  yield first;
  yield* checkLengths(file, first.length, records, refuse, 1);
  return undefined;
}

async function* checkLengths(
  file: string,
  length: number,
  records: AsyncGenerator<string[]>,
  refuse: Refuse,
  rowsBefore = 0,
): AsyncGenerator<readonly string[], undefined> {
  let row = rowsBefore;
  for await (const cells of records) {
    row++;
    if (cells.length !== length) {
      const first = rowsBefore === 0 ? "the header" : "row 1";
      refuse(file, `row ${row} has ${cells.length} cells, but ${first} has ${length}.`);
    }
    yield cells;
  }
  return undefined;
}
