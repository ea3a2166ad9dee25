// A run's output files: each can be written, and none is a file that the run reads, or another output. Found out before
// anything is written.
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
  /** The run may go on in this file. */
  resume: string | undefined;
  /** Other files that the run reads. */
  inputs: readonly NamedFile[];
}

export interface NamedFile {
  /** As users know it. */
  what: string;
  path: string;
}

/** Files of data sets, as IDX, NumPy's arrays and tables. */
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
  // Going on in the file that is resumed is what resuming is for.
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

/** @throws TandemError `output-unwritable` for the name of a lock */
function checkName(path: string, option: string): void {
  if (!path.endsWith(LOCK_SUFFIX)) return;
  throw unwritable(
    `${option} ${path} has the name of a lock file (${LOCK_SUFFIX}). Give another path.`,
  );
}

/** A checkpoint is written under a longer name first. */
function checkNameLength(output: string): void {
  const name = basename(realPathOf(output));
  const excess = Buffer.byteLength(temporaryName(name)) - MAX_NAME_BYTES;
  if (excess <= 0) return;
  throw unwritable(
    `--output ${output}: its name is too long by ${excess} bytes. Give a shorter one.`,
  );
}

/**
 * Takes the output for this run.
 * @param warn called with a sentence where files cannot be locked there
 * @throws TandemError `output-locked`
 */
export function takeOutput(output: string, warn: (sentence: string) => void): OutputLock {
  const lock = lockOutput(output);
  if (lock.missing !== undefined) {
    warn(
      `--output ${output} cannot be locked (${lock.missing}): make sure that no other run writes it.`,
    );
  }
  return lock;
}

/** @throws TandemError `output-unwritable` */
export function makeSummaryFolder(folder: string): void {
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
 * A log may go to a device, such as /dev/null, and to this process's own streams, whatever they are. Opening another named
 * pipe would wait for its reader.
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

/** Lines are appended to a log, and would spoil a checkpoint or a key. */
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

/** @throws TandemError `output-unwritable`, as for links in a circle */
function statusOf(path: string, option: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unwritable(`${option} ${path}: ${messageOf(error)}. Give another path.`, error);
  }
}

/** The file that the data is, or the files of data sets in its folder. */
export function dataFiles(path: string): NamedFile[] {
  const what = "a file of the data";
  let names: string[];
  try {
    if (!statSync(path).isDirectory()) return [{ what, path }];
    names = readdirSync(path).filter((name) => DATA_FILE.test(name));
  } catch {
    return []; // that it is missing is found when the data is loaded, and said better
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
 * A checkpoint that is replaced is kept beside the new one; anything else, such as an exported page, was hardly meant.
 * Under a checkpoint's own name also what is damaged counts as one.
 */
function refuseForeign(output: string): void {
  const status = statSync(output, { throwIfNoEntry: false });
  if (!status || status.size === 0 || output.endsWith(".safetensors")) return;
  if (digestIn(output) !== undefined) return;
  throw unwritable(`--output ${output} exists and is not a checkpoint. Give another path.`);
}
