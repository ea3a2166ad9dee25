// The page updates that a page opened late needs: the run so far, bounded in bytes however long it is. A series that is too long
// is thinned out by dropping every other entry.
import type { PageUpdate, PageUpdateKind, PageUpdateOf } from "./page-update.js";
import { carrySlowest } from "./slowest-trace.js";

const MAX_STEPS = 20_000;
const MIB = 1024 * 1024;
/** About 4 MiB of JSON, steps included. Updates of which only the newest is kept are bounded where they are made. */
const BUDGETS = {
  evaluations: { count: 4_000, bytes: MIB / 2 },
  marks: { count: 2_000, bytes: MIB / 2 },
  statistics: { count: 48, bytes: 1.5 * MIB },
};

interface Budget {
  count: number;
  bytes: number;
}

export interface HistoryLimits {
  /** Steps, each with its loss and duration. */
  maxSteps?: number;
  /** Factor on the limits of everything else. */
  scale?: number;
}

export class History {
  private readonly maxSteps: number;
  private readonly evaluations: BoundedList<PageUpdateOf<"evaluation">>;
  private readonly marks: BoundedList<PageUpdateOf<"mark">>;
  private readonly statistics: BoundedList<PageUpdateOf<"statistics">>;
  private start: PageUpdateOf<"start"> | undefined;
  private trace: PageUpdateOf<"trace"> | undefined;
  private steps: PageUpdateOf<"steps"> = {
    kind: "steps",
    at: 0,
    steps: [],
    losses: [],
    durationsMs: [],
  };
  private stride = 1;
  private readonly last = new Map<PageUpdateKind, PageUpdate>();

  constructor({ maxSteps = MAX_STEPS, scale = 1 }: HistoryLimits = {}) {
    const scaled = ({ count, bytes }: Budget) => ({ count: count * scale, bytes: bytes * scale });
    this.maxSteps = maxSteps;
    this.evaluations = new BoundedList(scaled(BUDGETS.evaluations), "thin-out");
    this.marks = new BoundedList(scaled(BUDGETS.marks), "drop-oldest");
    this.statistics = new BoundedList(scaled(BUDGETS.statistics), "thin-out");
  }

  add(update: PageUpdate): void {
    switch (update.kind) {
      case "start":
        if (this.start) this.dropFrom(update.step);
        this.start = update;
        return;
      case "steps":
        this.addSteps(update);
        return;
      case "evaluation":
        this.evaluations.add(update);
        return;
      case "mark":
        this.marks.add(update);
        return;
      case "statistics":
        this.addStatistics(update);
        return;
      case "trace":
        this.trace = carrySlowest(this.trace, update);
        return;
      case "workers":
      case "mistakes":
      case "scatter":
      case "end":
        this.last.set(update.kind, update);
        return;
      case "reset":
        return;
      default:
        update satisfies never;
    }
  }

  updates(): PageUpdate[] {
    return [
      ...(this.start ? [this.start] : []),
      ...(this.steps.steps.length > 0 ? [this.steps] : []),
      ...this.evaluations.entries,
      ...this.marks.entries,
      ...this.statistics.entries,
      ...(this.trace ? [this.trace] : []),
      ...this.last.values(),
    ];
  }

  /** A resumed run repeats the steps after its checkpoint: their old updates are dropped. */
  private dropFrom(step: number): void {
    this.keepSteps((other) => other < step);
    for (const list of [this.evaluations, this.statistics]) {
      list.keep((update) => update.step < step);
    }
    if (this.trace && this.trace.step >= step) this.trace = undefined;
    this.last.delete("end");
    for (const kind of ["mistakes", "scatter"] as const) {
      const update = this.last.get(kind);
      if (update && "step" in update && update.step >= step) this.last.delete(kind);
    }
  }

  /** The page draws the moments of the shards for the newest step only; they are by far the largest part. */
  private addStatistics(update: PageUpdateOf<"statistics">): void {
    this.statistics.replaceNewest((newest) => ({
      ...newest,
      layers: newest.layers.map((layer) => ({ ...layer, shards: [] })),
    }));
    this.statistics.add(update);
  }

  private addSteps({ at, steps, losses, durationsMs }: PageUpdateOf<"steps">): void {
    this.steps.at = at;
    steps.forEach((step, index) => {
      if (step % this.stride !== 0) return;
      this.steps.steps.push(step);
      this.steps.losses.push(losses[index]!);
      this.steps.durationsMs.push(durationsMs[index]!);
    });
    while (this.steps.steps.length > this.maxSteps) {
      this.stride *= 2;
      this.keepSteps((step) => step % this.stride === 0);
    }
  }

  private keepSteps(isKept: (step: number) => boolean): void {
    const kept = this.steps.steps.map(isKept);
    const of = (values: number[]) => values.filter((_, index) => kept[index]);
    const { steps, losses, durationsMs } = this.steps;
    this.steps = {
      ...this.steps,
      steps: of(steps),
      losses: of(losses),
      durationsMs: of(durationsMs),
    };
  }
}

/** Page updates up to a count and a number of bytes as JSON. The newest is always kept. */
class BoundedList<T extends PageUpdate> {
  private readonly budget: Budget;
  private readonly whenFull: "thin-out" | "drop-oldest";
  private sized: { update: T; bytes: number }[] = [];
  private bytes = 0;

  constructor(budget: Budget, whenFull: "thin-out" | "drop-oldest") {
    this.budget = budget;
    this.whenFull = whenFull;
  }

  get entries(): T[] {
    return this.sized.map(({ update }) => update);
  }

  add(update: T): void {
    this.push(update);
    const { count, bytes } = this.budget;
    while (this.sized.length > 1 && (this.sized.length > count || this.bytes > bytes)) {
      if (this.whenFull === "drop-oldest") this.bytes -= this.sized.shift()?.bytes ?? 0;
      else this.keepWhere((_update, index) => index % 2 === 0 || index === this.sized.length - 1);
      if (this.sized.length === 2 && this.whenFull === "thin-out") break;
    }
  }

  keep(isKept: (update: T) => boolean): void {
    this.keepWhere(isKept);
  }

  replaceNewest(change: (update: T) => T): void {
    const newest = this.sized.pop();
    if (!newest) return;
    this.bytes -= newest.bytes;
    this.push(change(newest.update));
  }

  private push(update: T): void {
    const bytes = Buffer.byteLength(JSON.stringify(update));
    this.sized.push({ update, bytes });
    this.bytes += bytes;
  }

  private keepWhere(isKept: (update: T, index: number) => boolean): void {
    this.sized = this.sized.filter(({ update }, index) => isKept(update, index));
    this.bytes = this.sized.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}
