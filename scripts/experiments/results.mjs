// Results as CSV: one line per evaluation of a run. All lines of a run are appended together at its end. So a file contains
// complete runs, and a grid that was interrupted continues with the missing ones.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
} from "node:fs";
import { dirname } from "node:path";

/** @typedef {import("./grid.mjs").Run} Run */

/**
 * @typedef {object} Evaluation
 * @property {number} step
 * @property {number | undefined} trainAccuracy of the step's batch; undefined at the end of the run
 * @property {number} testAccuracy
 * @property {number} testLoss
 */

/**
 * @typedef {object} Outcome
 * @property {"finished" | "diverged"} ended `diverged`: a gradient or weight became infinite or NaN
 * @property {string} engine
 * @property {Evaluation[]} evaluations the last one is after the last step; empty if the run diverged before the first
 */

/** @typedef {Run & Pick<Outcome, "ended"> & {engine: string, step: number, trainAccuracy: number, testAccuracy: number, testLoss: number}} Row */

const RUN_COLUMNS = /** @type {const} */ ([
  ...["network", "deviation", "learningRate", "dropout", "batchNorm", "shards", "trainingImages"],
  ...["steps", "evalEvery", "seed"],
]);
const COLUMNS = [
  ...RUN_COLUMNS,
  ...["engine", "ended", "step", "trainAccuracy", "testAccuracy", "testLoss"],
];
const TEXT_COLUMNS = ["network", "batchNorm", "engine", "ended"];

/** Distinguishes a run from the others of its experiment. @param {Run} run */
export function keyOf(run) {
  return RUN_COLUMNS.map((column) => run[column]).join(",");
}

/** Whether this is a run's last line. @param {Row} row */
export function isLast({ step, steps, ended }) {
  return step === steps || (ended === "diverged" && Number.isNaN(step));
}

export class ResultsFile {
  /** @param {string} path @param {string} experiment */
  constructor(path, experiment) {
    this.path = path;
    this.experiment = experiment;
  }

  /** @returns {Row[]} */
  read() {
    if (!existsSync(this.path)) return [];
    const lines = readFileSync(this.path, "utf8").split("\n").slice(1);
    return lines.filter((line) => line !== "").map((line) => this.parse(line));
  }

  /** Keys of the runs that are done. @returns {Set<string>} */
  finishedRuns() {
    this.dropUnfinishedRun();
    return new Set(this.read().filter(isLast).map(keyOf));
  }

  /** @param {Run} run @param {Outcome} outcome */
  append(run, { ended, engine, evaluations }) {
    mkdirSync(dirname(this.path), { recursive: true });
    const isNew = !existsSync(this.path) || statSync(this.path).size === 0;
    const header = !isNew ? "" : `${COLUMNS.join(",")}\n`;
    // A run that diverged has no final accuracy.
    const rows = ended === "diverged" ? [...evaluations, undefined] : evaluations;
    const lines = rows.map((row) => {
      const metrics = [row?.step, row?.trainAccuracy, row?.testAccuracy, row?.testLoss];
      return `${[keyOf(run), engine, ended, ...metrics.map((value) => value ?? "")].join(",")}\n`;
    });
    appendFileSync(this.path, header + lines.join(""));
  }

  /** Removes what a process killed while writing leaves behind: lines of an incomplete run, or half a line. */
  dropUnfinishedRun() {
    if (!existsSync(this.path)) return;
    const text = readFileSync(this.path, "utf8");
    const lines = text.split("\n");
    // What follows the last line break is not a line.
    const isEnd = (/** @type {string} */ line, /** @type {number} */ index) =>
      index > 0 && index < lines.length - 1 && isLast(this.parse(line));
    const kept = lines.slice(0, lines.findLastIndex(isEnd) + 1).map((line) => `${line}\n`);
    const length = Buffer.byteLength(kept.join(""));
    if (length < Buffer.byteLength(text)) truncateSync(this.path, length);
  }

  /** @param {string} line @returns {Row} */
  parse(line) {
    const values = line.split(",");
    if (values.length !== COLUMNS.length) {
      throw new Error(
        `${this.path}: a line has ${values.length} values instead of ${COLUMNS.length}: ${line}`,
      );
    }
    const entries = COLUMNS.map((column, index) => {
      const value = values[index] ?? "";
      return [column, TEXT_COLUMNS.includes(column) ? value : value === "" ? NaN : Number(value)];
    });
    return { experiment: this.experiment, ...Object.fromEntries(entries) };
  }
}
