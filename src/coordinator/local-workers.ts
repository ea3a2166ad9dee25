// The worker processes of `local`: started here, started again when one is lost, and ended with the run.
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { TandemError } from "../shared/errors.js";

const CLI = fileURLToPath(new URL("../cli.js", import.meta.url));
/** A worker that lived shorter than this did not really start. */
const SHORT_LIFE_MS = 5_000;
const MAX_SHORT_LIVES = 3;
const RESTART_DELAY_MS = 200;
const END_MS = 3_000;
const KEPT_OUTPUT = 4_000;

export class LocalWorkers {
  private readonly onProblem: (text: string) => void;
  private readonly children = new Set<ChildProcess>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private ending = false;
  private fail: (error: Error) => void = () => undefined;
  private lastProblem = "";

  /** @param onProblem is told where a worker does not start */
  constructor(onProblem: (text: string) => void) {
    this.onProblem = onProblem;
  }

  /** @param fail is called once none is left that could be started again */
  start(url: string, count: number, fail: (error: Error) => void): void {
    this.fail = fail;
    for (let number = 1; number <= count; number++) this.startOne(url, `worker-${number}`, 0);
  }

  /** Waits for the workers, which the coordinator has told that the run is over, and kills those that do not end. */
  async end(): Promise<void> {
    this.ending = true;
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.all([...this.children].map((child) => ended(child)));
  }

  killAll(): void {
    this.ending = true;
    for (const child of this.children) child.kill("SIGKILL");
  }

  private startOne(url: string, name: string, shortLives: number): void {
    const startedMs = performance.now();
    const child = spawn(
      process.execPath,
      [CLI, "worker", url, "--name", name, "--end-with-parent"],
      // A group of its own: Ctrl-C in the terminal reaches the coordinator, which ends its workers in good order. The
      // open standard input tells the worker that its parent lives.
      { stdio: ["pipe", "ignore", "pipe"], detached: true },
    );
    this.children.add(child);
    let output = "";
    child.stderr.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
    });
    child.on("error", (error) => this.tellProblem(`${name} did not start: ${error.message}`));
    child.on("close", (code) => {
      this.children.delete(child);
      if (this.ending || code === 0) return;
      const isShort = performance.now() - startedMs < SHORT_LIFE_MS;
      const lives = isShort ? shortLives + 1 : 0;
      if (isShort && output !== "") this.tellProblem(`${name}: ${lastLine(output)}`);
      if (lives >= MAX_SHORT_LIVES) {
        this.giveUpIfAlone();
        return;
      }
      const timer = setTimeout(
        () => {
          this.timers.delete(timer);
          this.startOne(url, name, lives);
        },
        RESTART_DELAY_MS * 2 ** lives,
      );
      this.timers.add(timer);
    });
  }

  private tellProblem(text: string): void {
    this.lastProblem = text;
    this.onProblem(text);
  }

  private giveUpIfAlone(): void {
    if (this.children.size > 0 || this.timers.size > 0) return;
    this.fail(
      new TandemError(
        "workers-missing",
        `No worker process stays alive (${this.lastProblem || "no reason given"}). Does \`npm run setup\` succeed, and is there enough memory?`,
      ),
    );
  }
}

function lastLine(output: string): string {
  return output.trim().split("\n").at(-1) ?? "";
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    if (child.exitCode !== null || child.signalCode !== null) done();
    else child.once("close", done);
  });
}
