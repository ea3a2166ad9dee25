// A run's output files: each can be written, and none is a file that the run reads, or another output. Found out before
// anything is written.
import { lstatSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { LOG_NAME } from "../coordinator/dashboard/run-log.js";
import { digestIn } from "../shared/checkpoint/checkpoint.js";
import { checkWritable, isSameFile } from "../shared/checkpoint/output-file.js";
import { LOCK_SUFFIX, lockOutput } from "../shared/checkpoint/output-lock.js";
import { messageOf, TandemError } from "../shared/errors.js";

export interface FileOptions {
  output: string;
  summaryDir: string;
  logFile?: string;
  resume?: string;
}

interface NamedFile {
  /** As users know it. */
  what: string;
  path: string;
}

/** The files of a data set in MNIST's format. */
const DATA_FILE = /-idx\d-ubyte(\.gz)?$/;

/** @throws TandemError `output-unwritable`, naming the option */
export function checkOutputs(options: FileOptions, dataFolder: string): void {
  const { output, summaryDir, logFile, resume } = options;
  checkWritable(output, "--output");
  checkName(output, "--output");
  if (summaryDir === "") throw unwritable("--summary-dir is empty. Give the path of a folder.");
  if (logFile !== undefined) checkLogFile(logFile);
  const checkpoint = { what: "--output", path: output };
  const log = logFile === undefined ? [] : [{ what: "--log-file", path: logFile }];
  const runLog = { what: "the run's log in --summary-dir", path: join(summaryDir, LOG_NAME) };
  const data = dataFiles(dataFolder);
  // Going on in the file that is resumed is what resuming is for.
  const resumed = resume === undefined ? [] : [{ what: "--resume", path: resume }];
  refuseSame(checkpoint, [...log, runLog, ...data]);
  for (const file of log) refuseSame(file, [runLog, ...data, ...resumed]);
  refuseSame(runLog, [...data, ...resumed]);
  refuseForeign(output);
}

/** @throws TandemError `output-unwritable` for the name of a lock */
function checkName(path: string, option: string): void {
  if (!path.endsWith(LOCK_SUFFIX)) return;
  throw unwritable(`${option} ${path} has the name of a lock (${LOCK_SUFFIX}). Give another path.`);
}

/** Takes the output for this process, until it ends. @throws TandemError `output-locked` */
export function takeOutput(output: string): void {
  const { missing } = lockOutput(output);
  if (missing === undefined) return;
  process.stderr.write(
    `--output ${output} cannot be locked (${missing}): see to it that no other run writes it.\n`,
  );
}

/** @throws TandemError `output-unwritable` */
export function makeSummaryFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw unwritable(
      `--summary-dir ${folder} cannot be made (${messageOf(error)}). Give another folder.`,
      error,
    );
  }
  checkWritable(join(folder, "events"), "--summary-dir");
}

function unwritable(sentence: string, cause?: unknown): TandemError {
  return new TandemError("output-unwritable", sentence, { cause });
}

/** A log may go to a device, such as /dev/stderr or /dev/null; opening a named pipe would wait for its reader. */
function checkLogFile(path: string): void {
  if (path === "") throw unwritable("--log-file is empty. Give the path of a file.");
  checkName(path, "--log-file");
  if (lstatSync(path, { throwIfNoEntry: false })?.isFIFO()) {
    throw unwritable(`--log-file ${path} is a named pipe. Give the path of a file.`);
  }
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined || status.isFile()) checkWritable(path, "--log-file");
  if (status?.isDirectory()) {
    throw unwritable(`--log-file ${path} is a folder. Give the path of a file.`);
  }
}

function dataFiles(folder: string): NamedFile[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => DATA_FILE.test(name));
  } catch {
    return []; // that the folder is missing is found when the data is loaded, and said better
  }
  return names.map((name) => ({ what: "a file of the data", path: join(folder, name) }));
}

function refuseSame(file: NamedFile, others: readonly NamedFile[]): void {
  const same = others.find(({ path }) => isSameFile(file.path, path));
  if (!same) return;
  throw unwritable(
    `${file.what} ${file.path} is also ${same.what} (${same.path}). Give another path.`,
  );
}

/**
 * A checkpoint that is replaced is kept beside the new one; anything else, such as an exported page, was hardly meant.
 * Under a checkpoint's own name also what is damaged counts as one.
 */
function refuseForeign(output: string): void {
  const status = statSync(output, { throwIfNoEntry: false });
  if (!status || status.size === 0 || output.endsWith(".safetensors")) return;
  if (digestIn(output) !== undefined) return;
  throw unwritable(`--output ${output} exists and is no checkpoint. Give another path.`);
}
