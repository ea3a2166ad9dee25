// Reports a relay's capacity to its coordinator: immediately, but no more often than the coordinator allows. After several changes
// in a short time, the newest value is reported when the interval has passed.
import { CAPACITY_REPORT_MS } from "../coordinator/workers/relay-peer.js";

export class CapacityReports {
  private readonly send: (tasks: number) => void;
  private sent: number | undefined;
  private newest = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(send: (tasks: number) => void) {
    this.send = send;
  }

  /** The value that the coordinator has been sent. */
  get reported(): number {
    return this.sent ?? 0;
  }

  note(tasks: number): void {
    this.newest = tasks;
    if (!this.timer) this.report();
  }

  /** A new connection is ready: the coordinator does not know the capacity yet. */
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
