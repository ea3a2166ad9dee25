// The lines that someone who opens the page late is told: all that is needed to see the run so far, and bounded however long
// it is. Where there is too much of a series, every other entry is left out.
import type { Line } from "./lines.js";

const MAX_STEPS = 20_000;
const MAX_STATISTICS = 48;
const MAX_MARKS = 2_000;

type Of<K extends Line["kind"]> = Line & { kind: K };

export class History {
  private start: Of<"start"> | undefined;
  private steps: Of<"steps"> = { kind: "steps", at: 0, steps: [], losses: [], durationsMs: [] };
  private stride = 1;
  private readonly evaluations: Of<"evaluation">[] = [];
  private readonly marks: Of<"mark">[] = [];
  private statistics: Of<"statistics">[] = [];
  private readonly last = new Map<Line["kind"], Line>();

  add(line: Line): void {
    switch (line.kind) {
      case "start":
        this.start = line;
        return;
      case "steps":
        this.addSteps(line);
        return;
      case "evaluation":
        this.evaluations.push(line);
        return;
      case "mark":
        this.marks.push(line);
        if (this.marks.length > MAX_MARKS) this.marks.shift();
        return;
      case "statistics":
        this.statistics.push(line);
        if (this.statistics.length > MAX_STATISTICS) this.statistics = thinned(this.statistics);
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
      ...this.evaluations,
      ...this.marks,
      ...this.statistics,
      ...this.last.values(),
    ];
  }

  private addSteps({ at, steps, losses, durationsMs }: Of<"steps">): void {
    this.steps.at = at;
    steps.forEach((step, index) => {
      if (step % this.stride !== 0) return;
      this.steps.steps.push(step);
      this.steps.losses.push(losses[index]!);
      this.steps.durationsMs.push(durationsMs[index]!);
    });
    while (this.steps.steps.length > MAX_STEPS) {
      this.stride *= 2;
      const isKept = this.steps.steps.map((step) => step % this.stride === 0);
      const kept = (values: number[]) => values.filter((_, index) => isKept[index]);
      this.steps = {
        ...this.steps,
        steps: kept(this.steps.steps),
        losses: kept(this.steps.losses),
        durationsMs: kept(this.steps.durationsMs),
      };
    }
  }
}

/** Every other entry, and always the newest. */
function thinned<T>(entries: readonly T[]): T[] {
  return entries.filter((_, index) => index % 2 === 0 || index === entries.length - 1);
}
