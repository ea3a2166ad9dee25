// How often a relay reports its capacity: at once, but no more often than its coordinator allows. Where it changes in between,
// the newest is reported when the time has come.
import { CAPACITY_REPORT_MS } from "../coordinator/workers/relay-peer.js";

export class CapacityReports {
  private readonly send: (tasks: number) => void;
  private sent: number | undefined;
  private newest = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(send: (tasks: number) => void) {
    this.send = send;
  }

  /** What the coordinator knows of, or will before anything that is sent from now on. */
  get reported(): number {
    return this.sent ?? 0;
  }

  note(tasks: number): void {
    this.newest = tasks;
    if (!this.timer) this.report();
  }

  /** A connection is ready: the coordinator knows nothing yet. */
  restart(): void {
    this.close();
    this.sent = undefined;
    this.report();
  }

  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private report(): void {
    this.timer = undefined;
    if (this.sent === this.newest) return;
    this.sent = this.newest;
    this.send(this.newest);
    this.timer = setTimeout(() => this.report(), CAPACITY_REPORT_MS);
  }
}
