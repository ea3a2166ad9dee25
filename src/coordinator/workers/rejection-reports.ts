// Reports rejected peers, at a limited rate: a flood of bad peers must not flood the log.
import type { Events } from "../../shared/events.js";
import { sanitizeText } from "../../shared/text.js";

const WINDOW_MS = 1_000;
const MAX_REPORTS_PER_WINDOW = 20;
const MAX_REASON_LENGTH = 200;

export class RejectionReports {
  private readonly events: Events;
  private windowBeganMs = 0;
  private count = 0;

  constructor(events: Events) {
    this.events = events;
  }

  add(name: string, reason: string, nowMs: number): void {
    if (nowMs - this.windowBeganMs > WINDOW_MS) {
      this.windowBeganMs = nowMs;
      this.count = 0;
    }
    if (++this.count > MAX_REPORTS_PER_WINDOW) return;
    const text = sanitizeText(reason, MAX_REASON_LENGTH);
    this.events.emit({ event: "worker", name, state: "rejected", reason: text });
  }
}
