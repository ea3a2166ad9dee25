// Whether the machines that take part compute the same bits: by their numerics fingerprints, compared with that of the run's
// configuration. One that differs is refused, or with `--mixed-numerics` taken, and the run marked from then on.
import type { RunConfig } from "../../shared/config.js";
import type { Events } from "../../shared/events.js";
import { mismatchSentence } from "../../shared/numerics-mismatch.js";
import { closeCodes } from "../../shared/protocol/close-codes.js";
import type { Refusal } from "./handshake.js";

export interface NumericsCheckOptions {
  config: RunConfig;
  /** Machines that differ may take part. */
  isMixedAllowed: boolean;
  /** From the checkpoint that the run goes on from. */
  mixedSince?: number | undefined;
  /** The run's step now. */
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

  /** The first step whose result may have other bits than the configuration stands for; undefined where there is none. */
  get mixedSince(): number | undefined {
    return this.since;
  }

  /** Why a worker with this fingerprint is turned away; undefined where it may take part. */
  refusal(numerics: string): Refusal | undefined {
    const { config, isMixedAllowed } = this.options;
    if (isMixedAllowed || numerics === config.numerics) return undefined;
    // It does what it can: no failure that leads to a ban.
    const reason = mismatchSentence(config, numerics);
    return { code: closeCodes.otherNumerics, reason, isFailure: false };
  }

  /** From now on the worker's results are used. */
  noteWorker(worker: string, numerics: string): void {
    const { config, step } = this.options;
    if (numerics !== config.numerics) this.mark(step(), { worker, numerics });
  }

  /** From now on the coordinator's own results are used: the run begins, or goes on. */
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
