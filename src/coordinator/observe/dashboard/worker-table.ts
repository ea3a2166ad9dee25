// The rows of the page's table of workers: what each has computed, and its connection. Bounded, however many workers come and
// go.
import type { WorkerKind } from "../../../shared/protocol/messages.js";
import { computeMsOf, type RunEvent, type TaskTrace } from "../../../shared/run-event.js";
import { sanitizeText } from "../../../shared/text.js";
import type { WorkerRow } from "./page-update.js";

const MAX_NAME_LENGTH = 64;
const MAX_REASON_LENGTH = 200;
/** Workers that left stay in the table, up to this many rows in all. */
const MAX_ROWS = 256;

/** What the server knows about a connected worker. */
export interface WorkerStatus {
  name: string;
  kind: WorkerKind;
  /** Of a relay: the number of workers behind it. */
  workers?: number;
  host: string;
  roundTripMs: number | undefined;
  bytesUp: number;
  bytesDown: number;
  lastSeenMs: number;
}

export class WorkerTable {
  /** By the workers' own names. */
  private readonly byName = new Map<string, WorkerRow>();

  get rows(): WorkerRow[] {
    return [...this.byName.values()];
  }

  countTask({ worker, task, samples, ...times }: TaskTrace): void {
    const row = this.row(worker);
    row.samples += samples;
    if (task === "shard") {
      row.shards++;
      row.shardMs += computeMsOf(times);
    } else {
      row.evaluationBatches++;
    }
  }

  noteChange({ name, state, reason }: RunEvent & { event: "worker" }): void {
    // A worker that never joined and was rejected appears only among the marks.
    if (state === "rejected" && !this.byName.has(name)) return;
    const row = this.row(name);
    row.state = state === "joined" ? "working" : state;
    if (reason === undefined) delete row.reason;
    else row.reason = sanitizeText(reason, MAX_REASON_LENGTH);
  }

  noteStatus({ name, ...status }: WorkerStatus): void {
    const { roundTripMs, ...rest } = {
      ...status,
      host: sanitizeText(status.host, MAX_NAME_LENGTH),
    };
    const row = this.row(name);
    Object.assign(row, rest, { state: "working" });
    if (roundTripMs !== undefined) row.roundTripMs = roundTripMs;
  }

  private row(name: string): WorkerRow {
    let row = this.byName.get(name);
    if (row) return row;
    row = {
      name: sanitizeText(name, MAX_NAME_LENGTH),
      state: "working",
      kind: "node",
      host: "",
      ...{ shards: 0, evaluationBatches: 0, samples: 0, shardMs: 0 },
      ...{ bytesUp: 0, bytesDown: 0, lastSeenMs: 0 },
    };
    this.byName.set(name, row);
    if (this.byName.size > MAX_ROWS) this.removeOldest();
    return row;
  }

  /** Removes the oldest of the workers that left or, if there are none, of all. */
  private removeOldest(): void {
    const entries = [...this.byName];
    const oldest = entries.find(([, { state }]) => state !== "working") ?? entries[0];
    if (oldest) this.byName.delete(oldest[0]);
  }
}
