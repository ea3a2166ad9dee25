// The lines that someone who opens the page late is told: all that is needed to see the run so far, and bounded in bytes
// however long it is. Where there is too much of a series, every other entry is left out.
import type { Line } from "./lines.js";

const MAX_STEPS = 20_000;
const MIB = 1024 * 1024;
/** Some 4 MiB together with the steps, as JSON; what is alone of its kind (the newest trace, …) is bounded where it is made. */
const BUDGETS = {
  evaluations: { count: 4_000, bytes: MIB / 2 },
  marks: { count: 2_000, bytes: MIB / 2 },
  statistics: { count: 48, bytes: 1.5 * MIB },
};

type Of<K extends Line["kind"]> = Line & { kind: K };

interface Budget {
  count: number;
  bytes: number;
}

export interface HistoryLimits {
  /** Of steps, each with its loss and duration. */
  maxSteps?: number;
  /** How many times as much of the rest is kept. */
  scale?: number;
}

export class History {
  private readonly maxSteps: number;
  private readonly evaluations: BoundedList<Of<"evaluation">>;
  private readonly marks: BoundedList<Of<"mark">>;
  private readonly statistics: BoundedList<Of<"statistics">>;
  private start: Of<"start"> | undefined;
  private steps: Of<"steps"> = { kind: "steps", at: 0, steps: [], losses: [], durationsMs: [] };
  private stride = 1;
  private readonly last = new Map<Line["kind"], Line>();

  constructor({ maxSteps = MAX_STEPS, scale = 1 }: HistoryLimits = {}) {
    const scaled = ({ count, bytes }: Budget) => ({ count: count * scale, bytes: bytes * scale });
    this.maxSteps = maxSteps;
    this.evaluations = new BoundedList(scaled(BUDGETS.evaluations), "thin-out");
    this.marks = new BoundedList(scaled(BUDGETS.marks), "forget-oldest");
    this.statistics = new BoundedList(scaled(BUDGETS.statistics), "thin-out");
  }

  add(line: Line): void {
    switch (line.kind) {
      case "start":
        if (this.start) this.forgetFrom(line.step);
        this.start = line;
        return;
      case "steps":
        this.addSteps(line);
        return;
      case "evaluation":
        this.evaluations.add(line);
        return;
      case "mark":
        this.marks.add(line);
        return;
      case "statistics":
        this.addStatistics(line);
        return;
      case "workers":
      case "trace":
      case "mistakes":
      case "end":
        this.last.set(line.kind, line);
        return;
      case "reset":
        return;
      default:
        line satisfies never;
    }
  }

  lines(): Line[] {
    return [
      ...(this.start ? [this.start] : []),
      ...(this.steps.steps.length > 0 ? [this.steps] : []),
      ...this.evaluations.entries,
      ...this.marks.entries,
      ...this.statistics.entries,
      ...this.last.values(),
    ];
  }

  /** A run that was resumed does the steps after its checkpoint again: what is known of them is replaced. */
  private forgetFrom(step: number): void {
    this.keepSteps((other) => other < step);
    for (const list of [this.evaluations, this.statistics]) {
      list.keep((line) => line.step < step);
    }
    this.last.delete("end");
    for (const kind of ["trace", "mistakes"] as const) {
      const line = this.last.get(kind);
      if (line && "step" in line && line.step >= step) this.last.delete(kind);
    }
  }

  /** The page draws the shards' own moments for the newest step only; they are the largest part by far. */
  private addStatistics(line: Of<"statistics">): void {
    this.statistics.replaceNewest((newest) => ({
      ...newest,
      layers: newest.layers.map((layer) => ({ ...layer, shards: [] })),
    }));
    this.statistics.add(line);
  }

  private addSteps({ at, steps, losses, durationsMs }: Of<"steps">): void {
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

/** Lines up to a count and a number of bytes as JSON. The newest is always kept. */
class BoundedList<T extends Line> {
  private readonly budget: Budget;
  private readonly whenFull: "thin-out" | "forget-oldest";
  private sized: { line: T; bytes: number }[] = [];
  private bytes = 0;

  constructor(budget: Budget, whenFull: "thin-out" | "forget-oldest") {
    this.budget = budget;
    this.whenFull = whenFull;
  }

  get entries(): T[] {
    return this.sized.map(({ line }) => line);
  }

  add(line: T): void {
    this.push(line);
    const { count, bytes } = this.budget;
    while (this.sized.length > 1 && (this.sized.length > count || this.bytes > bytes)) {
      if (this.whenFull === "forget-oldest") this.bytes -= this.sized.shift()?.bytes ?? 0;
      else this.keepWhere((_line, index) => index % 2 === 0 || index === this.sized.length - 1);
      if (this.sized.length === 2 && this.whenFull === "thin-out") break;
    }
  }

  keep(isKept: (line: T) => boolean): void {
    this.keepWhere(isKept);
  }

  replaceNewest(change: (line: T) => T): void {
    const newest = this.sized.pop();
    if (!newest) return;
    this.bytes -= newest.bytes;
    this.push(change(newest.line));
  }

  private push(line: T): void {
    const bytes = Buffer.byteLength(JSON.stringify(line));
    this.sized.push({ line, bytes });
    this.bytes += bytes;
  }

  private keepWhere(isKept: (line: T, index: number) => boolean): void {
    this.sized = this.sized.filter(({ line }, index) => isKept(line, index));
    this.bytes = this.sized.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}
