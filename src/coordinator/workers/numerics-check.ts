// Checks that all machines compute the same bits, by comparing their numerics fingerprints with the configuration's. A machine
// that differs is refused; with `--mixed-numerics` it is admitted, and the run is marked from then on.
import type { RunConfig } from "../../shared/config.js";
import type { Events } from "../../shared/events.js";
import { mismatchSentence } from "../../shared/numerics-mismatch.js";
import { closeCodes } from "../../shared/protocol/close-codes.js";
import type { Refusal } from "./handshake.js";

export interface NumericsCheckOptions {
  config: RunConfig;
  /** Machines that differ may take part. */
  isMixedAllowed: boolean;
  /** From the checkpoint that is resumed from. */
  mixedSince?: number | undefined;
  /** Returns the run's current step. */
  step: () => number;
  events: Events;
}

export class NumericsCheck {
  private readonly options: NumericsCheckOptions;
  private since: number | undefined;

  constructor(options: NumericsCheckOptions) {
    this.options = options;
    this.since = options.mixedSince;
  }

  /** The first step whose result may differ in the last bits; undefined if there is none. */
  get mixedSince(): number | undefined {
    return this.since;
  }

  /** Why a worker with this fingerprint is refused; undefined if it may take part. */
  refusal(numerics: string): Refusal | undefined {
    const { config, isMixedAllowed } = this.options;
    if (isMixedAllowed || numerics === config.numerics) return undefined;
    const reason = mismatchSentence(config, numerics);
    return { code: closeCodes.otherNumerics, reason, isFailure: false };
  }

  /** To be called before the worker's results are used. */
  noteWorker(worker: string, numerics: string): void {
    const { config, step } = this.options;
    if (numerics !== config.numerics) this.mark(step(), { worker, numerics });
  }

  /** To be called when the run starts or resumes: from now on the coordinator's own results are used. */
  noteCoordinator(numerics: string): void {
    const { config, step } = this.options;
    if (numerics !== config.numerics) this.mark(step(), { numerics });
    else if (this.since !== undefined) this.mark(this.since, {});
  }

  private mark(step: number, machine: { worker?: string; numerics?: string }): void {
    this.since = Math.min(this.since ?? step, step);
    this.options.events.emit({ event: "mixed-numerics", since: step, ...machine });
  }
}
