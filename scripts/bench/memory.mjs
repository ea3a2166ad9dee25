// Samples a process's memory from Linux's /proc/PID/status. Resident memory includes the library's file pages, which all processes
// share and the system can drop; anonymous memory is the process's own.
import { readFileSync } from "node:fs";

const SAMPLE_MS = 50;

/** Samples until `stop`, as Linux does not record the peak of anonymous memory. */
export class MemorySampler {
  peakAnonymousMb = 0;
  peakResidentMb = 0;
  /** @type {number | undefined} */
  #pid;
  /** @type {NodeJS.Timeout} */
  #timer;

  /** @param {number | undefined} pid */
  constructor(pid) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  stop() {
    clearInterval(this.#timer);
  }

  #sample() {
    const status = readStatus(this.#pid);
    if (status === undefined) return;
    this.peakAnonymousMb = Math.max(this.peakAnonymousMb, fieldMb(status, "RssAnon"));
    this.peakResidentMb = Math.max(this.peakResidentMb, fieldMb(status, "VmHWM"));
  }
}

/** @param {number | undefined} pid @returns {string | undefined} undefined if the process has ended */
function readStatus(pid) {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return undefined;
  }
}

/** 0 if the field is missing, as for a process that is exiting. @param {string} status @param {string} field */
function fieldMb(status, field) {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) / 1024;
}
