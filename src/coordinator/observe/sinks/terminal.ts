// Events on a terminal: notices as lines, and below them a live block with progress and a line per worker. Another sink
// (console.ts) writes the results: the block is cleared for them and redrawn by the timer.
import { createLogUpdate } from "log-update";
import colours from "picocolors";
import type { EventSink } from "../../../shared/events.js";
import { LateFailure } from "../../../shared/observer.js";
import { computeMsOf, isReported, type RunEvent } from "../../../shared/run-event.js";
import { sanitizeText } from "../../../shared/text.js";
import { LineStream } from "./line-stream.js";
import { durationText, shortNumber } from "../number-text.js";
import {
  isWritten,
  type Level,
  type NarrationOptions,
  progressText,
  sentenceOf,
  waitingText,
} from "./narration.js";

const REDRAW_MS = 200;
const PACE_STEPS = 50;
const BAR_WIDTH = 28;
const MAX_WORKERS_SHOWN = 12;
const MAX_KNOWN_WORKERS = 256;
const MAX_NAME_WIDTH = 40;
const MAX_UNREAD_BYTES = 1024 * 1024;

interface WorkerLine {
  isConnected: boolean;
  shards: number;
  samples: number;
  shardMs: number;
}

export interface TerminalOptions extends NarrationOptions {
  level: Level;
}

export class TerminalSink implements EventSink {
  readonly name = "the terminal";
  private readonly lines: LineStream;
  private readonly options: TerminalOptions;
  private readonly block: ReturnType<typeof createLogUpdate>;
  private readonly timer: NodeJS.Timeout;
  private readonly failure = new LateFailure();
  private readonly workers = new Map<string, WorkerLine>();
  private readonly durationsMs: number[] = [];
  private start: (RunEvent & { event: "start" }) | undefined;
  private step: (RunEvent & { event: "step" }) | undefined;
  private evaluation: (RunEvent & { event: "evaluation" }) | undefined;
  private progress: (RunEvent & { event: "progress" }) | undefined;
  private waiting = "";
  private isClosed = false;

  constructor(terminal: NodeJS.WriteStream, options: TerminalOptions) {
    this.options = options;
    this.lines = new LineStream(terminal, {
      maxUnreadBytes: MAX_UNREAD_BYTES,
      whenFull: "drop",
    });
    this.block = createLogUpdate(terminal, { showCursor: true });
    this.timer = setInterval(() => this.tick(), REDRAW_MS).unref();
  }

  handle(event: RunEvent): void {
    this.failure.throwIfAny();
    this.lines.check();
    this.note(event);
    const sentence = isReported(event) ? sentenceOf(event, this.options) : undefined;
    if (!sentence || !isWritten(sentence.level, this.options.level)) return;
    const { level, text } = sentence;
    // The block is redrawn below the new line.
    this.block.clear();
    if (level === "result") return;
    this.lines.write(coloured(level, text));
    this.redraw();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearInterval(this.timer);
    this.block.clear();
    this.block.done();
    await this.lines.drain();
  }

  private tick(): void {
    try {
      this.redraw();
    } catch (error) {
      this.failure.note(error);
    }
  }

  private note(event: RunEvent): void {
    switch (event.event) {
      case "start":
        this.start = event;
        return;
      case "step":
        this.step = event;
        this.waiting = "";
        this.progress = undefined;
        this.durationsMs.push(event.durationMs);
        if (this.durationsMs.length > PACE_STEPS) this.durationsMs.shift();
        return;
      case "trace":
        for (const { worker, task, samples, ...times } of event.tasks) {
          if (task !== "shard") continue;
          const line = this.lineOf(worker);
          line.shards++;
          line.samples += samples;
          line.shardMs += computeMsOf(times);
        }
        return;
      case "evaluation":
        this.evaluation = event;
        return;
      case "progress":
        this.progress = event.done < event.total ? event : undefined;
        return;
      case "worker":
        if (event.state === "joined") this.lineOf(event.name).isConnected = true;
        else if (this.workers.has(event.name)) this.lineOf(event.name).isConnected = false;
        return;
      case "waiting":
        this.waiting = waitingText(
          sanitizeText(event.reason, 200),
          event.deadlineSeconds,
          new Date(),
        );
        return;
      case "listening":
      case "recipe":
      case "data":
      case "initial-weights":
      case "backup":
      case "divergence":
      case "moments":
      case "population":
      case "recalibrated":
      case "histograms":
      case "predictions":
      case "checkpoint":
      case "checkpoint-failed":
      case "checkpoint-kept":
      case "degraded":
      case "mixed-numerics":
      case "observer-failed":
      case "interrupted":
      case "end":
        return;
      default:
        event satisfies never;
    }
  }

  private lineOf(name: string): WorkerLine {
    let line = this.workers.get(name);
    if (!line) {
      line = { isConnected: true, shards: 0, samples: 0, shardMs: 0 };
      this.workers.set(name, line);
      if (this.workers.size > MAX_KNOWN_WORKERS) this.forgetOne();
    }
    return line;
  }

  /** Forgets the first worker that left or, if there is none, the first of all. */
  private forgetOne(): void {
    const names = [...this.workers.keys()];
    const [first] = names;
    const gone = names.find((name) => this.workers.get(name)?.isConnected === false) ?? first;
    if (gone !== undefined) this.workers.delete(gone);
  }

  private redraw(): void {
    // While a terminal is stopped (Ctrl-S) it gets no frames; the next one shows everything.
    if (this.isClosed || !this.start || this.lines.isBehind) return;
    const { steps, config, step: first } = this.start;
    const done = this.step ? this.step.step + 1 : first;
    const share = steps === 0 ? 1 : done / steps;
    const full = Math.round(share * BAR_WIDTH);
    const bar = colours.cyan("█".repeat(full)) + colours.dim("░".repeat(BAR_WIDTH - full));
    const stepMs = this.durationsMs.reduce((sum, ms) => sum + ms, 0) / this.durationsMs.length;
    const figures = [
      `loss ${this.step ? shortNumber(Number(this.step.loss.toPrecision(4))) : "–"}`,
      ...this.metrics(),
      `${stepMs > 0 ? Math.round((1000 * config.batchSize) / stepMs) : "–"} samples/s`,
      ...(this.progress ? [progressText(this.progress)] : []),
    ];
    const left = stepMs > 0 ? `, ${durationText(((steps - done) * stepMs) / 1000)} left` : "";
    this.block(
      [
        `${bar} ${Math.floor(100 * share)} %  step ${done} of ${steps}${left}`,
        figures.join("  "),
        ...(this.waiting === "" ? [] : [colours.yellow(this.waiting)]),
        ...this.workerLines(),
      ].join("\n"),
    );
  }

  /** Of the last evaluation: accuracies if the targets are classes, else losses. */
  private metrics(): string[] {
    const { trainAccuracy, testAccuracy, trainLoss, testLoss } = this.evaluation ?? {};
    const isClasses = this.start?.config.data.target.kind === "classes";
    const text = (value: number | undefined) => (value === undefined ? "–" : shortNumber(value));
    return isClasses
      ? [`training accuracy ${text(trainAccuracy)}`, `test accuracy ${text(testAccuracy)}`]
      : [`training loss ${text(trainLoss)}`, `test loss ${text(testLoss)}`];
  }

  private workerLines(): string[] {
    const all = [...this.workers.values()].reduce((total, { samples }) => total + samples, 0);
    const longest = Math.max(...[...this.workers.keys()].map((name) => name.length), 0);
    const width = Math.min(longest, MAX_NAME_WIDTH);
    const lines = [...this.workers].map(([unsafe, { isConnected, shards, samples, shardMs }]) => {
      const name = sanitizeText(unsafe, MAX_NAME_WIDTH);
      const mark = isConnected ? colours.green("●") : colours.red("○");
      const share = all === 0 ? 0 : Math.round((100 * samples) / all);
      const each = shards === 0 ? "–" : (shardMs / shards).toFixed(1);
      const gone = isConnected ? "" : colours.red("  lost");
      return `${mark} ${name.padEnd(width)}  ${shards} shards  ${share} %  ${each} ms each${gone}`;
    });
    const hidden = lines.length - MAX_WORKERS_SHOWN;
    return hidden > 0 ? [...lines.slice(0, MAX_WORKERS_SHOWN), `and ${hidden} more`] : lines;
  }
}

function coloured(level: Level, text: string): string {
  if (level === "error") return colours.red(text);
  return level === "warn" ? colours.yellow(text) : colours.dim(text);
}
