// Checks a run's output files before anything is written: each must be writable, and none may be a file that the run reads or
// another output.
import { mkdirSync, readdirSync, type Stats, statSync } from "node:fs";
import { basename, join } from "node:path";
import { LOG_NAME } from "../coordinator/observe/dashboard/run-log.js";
import { temporaryName } from "../shared/checkpoint/atomic-write.js";
import { digestIn } from "../shared/checkpoint/checkpoint.js";
import {
  beginningOf,
  checkWritable,
  isSameFile,
  realPathOf,
} from "../shared/checkpoint/output-file.js";
import { LOCK_SUFFIX, lockOutput, type OutputLock } from "../shared/checkpoint/output-lock.js";
import { messageOf, TandemError } from "../shared/errors.js";

export interface FileOptions {
  output: string;
  /** undefined: no summary is written. */
  summaryDir: string | undefined;
  logFile: string | undefined;
  /** The checkpoint to resume from; it may also be the output. */
  resume: string | undefined;
  /** Other files that the run reads. */
  inputs: readonly NamedFile[];
}

export interface NamedFile {
  /** What messages call it, such as `--output`. */
  what: string;
  path: string;
}

/** Files of data sets: IDX, NumPy arrays and tables. */
const DATA_FILE = /([-.]idx\d(-\w+)?(\.gz)?|\.np[yz]|\.[ct]sv)$/;
const OWN_STREAM = /^\/(dev|proc)\//;
/** Of a file's name, on Linux and macOS. */
const MAX_NAME_BYTES = 255;

/** @throws TandemError `output-unwritable`, naming the option */
export function checkOutputs(options: FileOptions): void {
  const { output, summaryDir, logFile, resume, inputs } = options;
  checkWritable(output, "--output");
  checkName(output, "--output");
  checkNameLength(output);
  if (summaryDir === "") throw unwritable("--summary-dir is empty. Give the path of a folder.");
  if (logFile !== undefined) checkLogFile(logFile);
  const checkpoint = { what: "--output", path: output };
  const log = logFile === undefined ? [] : [{ what: "--log-file", path: logFile }];
  // The checkpoint may be the file that is resumed from, but not the log.
  const resumed = resume === undefined ? [] : [{ what: "--resume", path: resume }];
  const [folder, runLog] = summaryFiles(summaryDir);
  refuseSame(checkpoint, [...log, ...folder, ...runLog, ...inputs]);
  for (const file of log) refuseSame(file, [...folder, ...runLog, ...inputs, ...resumed]);
  for (const file of runLog) {
    refuseSame(file, [...inputs, ...resumed]);
    checkRunLog(file.path);
  }
  refuseForeign(output);
  if (logFile !== undefined) refuseForeignLog(logFile);
}

function summaryFiles(summaryDir: string | undefined): [folder: NamedFile[], runLog: NamedFile[]] {
  if (summaryDir === undefined) return [[], []];
  return [
    [{ what: "--summary-dir", path: summaryDir }],
    [{ what: "the run's log in --summary-dir", path: join(summaryDir, LOG_NAME) }],
  ];
}

/** @throws TandemError `output-unwritable` for a lock's name */
function checkName(path: string, option: string): void {
  if (!path.endsWith(LOCK_SUFFIX)) return;
  throw unwritable(
    `${option} ${path} has the name of a lock file (${LOCK_SUFFIX}). Give another path.`,
  );
}

/** A checkpoint is first written to a temporary file with a longer name. */
function checkNameLength(output: string): void {
  const name = basename(realPathOf(output));
  const excess = Buffer.byteLength(temporaryName(name)) - MAX_NAME_BYTES;
  if (excess <= 0) return;
  throw unwritable(
    `--output ${output}: its name is too long by ${excess} bytes. Give a shorter one.`,
  );
}

/**
 * Locks the output for this run.
 * @param warn called with a sentence if files cannot be locked there
 * @throws TandemError `output-locked`
 */
export function claimOutput(output: string, warn: (sentence: string) => void): OutputLock {
  const lock = lockOutput(output);
  if (lock.missing !== undefined) {
    warn(
      `--output ${output} cannot be locked (${lock.missing}): make sure that no other run writes it.`,
    );
  }
  return lock;
}

/** @throws TandemError `output-unwritable` */
export function createSummaryFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw unwritable(
      `--summary-dir ${folder} cannot be created (${messageOf(error)}). Give another folder.`,
      error,
    );
  }
  checkWritable(join(folder, "events"), "--summary-dir");
}

function unwritable(sentence: string, cause?: unknown): TandemError {
  return new TandemError("output-unwritable", sentence, { cause });
}

/**
 * A log may be written to a device such as /dev/null, and to this process's own streams of any kind. Other named pipes are
 * refused, as opening one would wait for its reader.
 */
function checkLogFile(path: string): void {
  if (path === "") throw unwritable("--log-file is empty. Give the path of a file.");
  checkName(path, "--log-file");
  const status = statusOf(path, "--log-file");
  if (status === undefined || status.isFile()) checkWritable(path, "--log-file");
  if (status?.isDirectory()) {
    throw unwritable(`--log-file ${path} is a folder. Give the path of a file.`);
  }
  if ((status?.isFIFO() || status?.isSocket()) && !OWN_STREAM.test(path)) {
    throw unwritable(`--log-file ${path} is a named pipe or a socket. Give the path of a file.`);
  }
}

/** Lines are appended to the file, which would damage a file that is not a log, such as a checkpoint or a key. */
function refuseForeignLog(path: string): void {
  const status = statusOf(path, "--log-file");
  if (!status?.isFile() || status.size === 0) return;
  let beginning: string;
  try {
    beginning = beginningOf(path, 1);
  } catch (error) {
    throw unwritable(`--log-file ${path} cannot be read (${messageOf(error)}).`, error);
  }
  if (beginning === "{") return;
  throw unwritable(`--log-file ${path} exists and is not a log. Give another path.`);
}

function checkRunLog(path: string): void {
  const status = statusOf(path, "--summary-dir");
  if (status === undefined || status.isFile()) return;
  throw unwritable(
    `--summary-dir: the run's log ${path} is not a regular file. Remove it, or give another folder.`,
  );
}

/** @throws TandemError `output-unwritable`, for example for circular links */
function statusOf(path: string, option: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unwritable(`${option} ${path}: ${messageOf(error)}. Give another path.`, error);
  }
}

/** The data's file, or the data set files in its folder. */
export function dataFiles(path: string): NamedFile[] {
  const what = "a file of the data";
  let names: string[];
  try {
    if (!statSync(path).isDirectory()) return [{ what, path }];
    names = readdirSync(path).filter((name) => DATA_FILE.test(name));
  } catch {
    return []; // loading the data gives a better message
  }
  return names.map((name) => ({ what, path: join(path, name) }));
}

function refuseSame(file: NamedFile, others: readonly NamedFile[]): void {
  const same = others.find(({ path }) => isSameFile(file.path, path));
  if (!same) return;
  throw unwritable(
    `${file.what} ${file.path} is also ${same.what} (${same.path}). Give another path.`,
  );
}

/**
 * An existing checkpoint may be replaced, as a copy is kept. Replacing any other file is probably a mistake. A file with a
 * checkpoint's extension counts as a checkpoint even if it is damaged.
 */
function refuseForeign(output: string): void {
  const status = statSync(output, { throwIfNoEntry: false });
  if (!status || status.size === 0 || output.endsWith(".safetensors")) return;
  if (digestIn(output) !== undefined) return;
  throw unwritable(`--output ${output} exists and is not a checkpoint. Give another path.`);
}
