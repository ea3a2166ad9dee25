// The worker processes of `local`: starts them, restarts those that die, and ends them with the run.
import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { fileURLToPath } from "node:url";
import { messageOf, TandemError } from "../../shared/errors.js";
import { sanitizeText } from "../../shared/text.js";

const CLI = fileURLToPath(new URL("../../cli.js", import.meta.url));
/** A worker that exits sooner than this counts as failed to start. */
const SHORT_LIFE_MS = 5_000;
const MAX_SHORT_LIVES = 3;
const RESTART_DELAY_MS = 200;
const END_MS = 3_000;
const MAX_OUTPUT_LENGTH = 4_000;
const MAX_PROBLEM_LENGTH = 300;
/** The operating system is temporarily out of descriptors, processes or memory. */
const SHORTAGES: readonly unknown[] = ["EMFILE", "ENFILE", "EAGAIN", "ENOMEM"];
const MAX_DELAY_MS = 10_000;

/** As in `node:child_process`; tests supply their own. */
export type Spawn = (program: string, args: string[], options: SpawnOptions) => ChildProcess;

export class LocalWorkers {
  private readonly token: string;
  private readonly onProblem: (text: string) => void;
  private readonly spawn: Spawn;
  private readonly children = new Set<ChildProcess>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private isEnding = false;
  private fail: (error: Error) => void = () => undefined;
  private lastProblem = "";

  /**
   * @param token passed to the workers in their environment, as command lines are visible to other users
   * @param onProblem called with a sentence if a worker does not start
   */
  constructor(token: string, onProblem: (text: string) => void, spawnProcess: Spawn = spawn) {
    this.token = token;
    this.onProblem = onProblem;
    this.spawn = spawnProcess;
  }

  /** @param fail called when no worker is running and none will be restarted */
  start(url: string, count: number, fail: (error: Error) => void): void {
    this.fail = fail;
    for (let number = 1; number <= count; number++) this.startOne(url, `worker-${number}`, 0);
  }

  /** Waits for the workers to exit after the coordinator has ended the run; kills those that do not. */
  async end(): Promise<void> {
    this.stopRestarts();
    await Promise.all([...this.children].map((child) => waitForExit(child)));
  }

  killAll(): void {
    this.stopRestarts();
    for (const child of this.children) child.kill("SIGKILL");
  }

  private stopRestarts(): void {
    this.isEnding = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }

  /** @param shortLives how many times in a row the worker has failed to start */
  private startOne(url: string, name: string, shortLives: number, shortages = 0): void {
    const startedMs = performance.now();
    let output = "";
    let problem: NodeJS.ErrnoException | undefined;
    let isOver = false;
    const onOver = (code: number | null) => {
      if (isOver) return;
      isOver = true;
      if (this.isEnding || code === 0) return;
      if (problem && SHORTAGES.includes(problem.code)) {
        if (shortages === 0) this.reportProblem(`${name} did not start yet: ${problem.message}`);
        this.startLater(shortages, () => this.startOne(url, name, shortLives, shortages + 1));
        return;
      }
      const isShort = performance.now() - startedMs < SHORT_LIFE_MS;
      const lives = isShort ? shortLives + 1 : 0;
      if (problem) this.reportProblem(`${name} did not start: ${problem.message}`);
      else if (isShort && output !== "") this.reportProblem(`${name}: ${lastLine(output)}`);
      if (lives >= MAX_SHORT_LIVES) this.giveUpIfAlone();
      else this.startLater(lives, () => this.startOne(url, name, lives));
    };
    let child: ChildProcess;
    try {
      child = this.spawn(
        process.execPath,
        [CLI, "worker", url, "--name", name, "--end-with-parent"],
        {
          // The worker exits when its standard input closes, that is, when this process is gone.
          stdio: ["pipe", "ignore", "pipe"],
          env: workerEnvironment(this.token),
          // A process group of its own: Ctrl-C in the terminal reaches only the coordinator, which ends its workers cleanly.
          detached: true,
          // On Windows a detached process would open a window.
          windowsHide: true,
        },
      );
    } catch (error) {
      problem = error instanceof Error ? error : new Error(messageOf(error));
      onOver(null);
      return;
    }
    this.children.add(child);
    // Without free descriptors the child has no streams, and "error" follows.
    child.stderr?.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-MAX_OUTPUT_LENGTH);
    });
    child.stdin?.on("error", () => undefined);
    const forget = (code: number | null) => {
      this.children.delete(child);
      onOver(code);
    };
    child.on("error", (error) => {
      problem = error;
      // A process that was never started emits no "close".
      if (child.pid === undefined) forget(null);
    });
    child.on("close", forget);
  }

  private startLater(attempt: number, start: () => void): void {
    const delayMs = Math.min(MAX_DELAY_MS, RESTART_DELAY_MS * 2 ** attempt);
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      start();
    }, delayMs);
    this.timers.add(timer);
  }

  private reportProblem(text: string): void {
    this.lastProblem = sanitizeText(text, MAX_PROBLEM_LENGTH);
    this.onProblem(this.lastProblem);
  }

  private giveUpIfAlone(): void {
    if (this.children.size > 0 || this.timers.size > 0) return;
    this.fail(
      new TandemError(
        "workers-missing",
        `No worker process stays alive (${this.lastProblem || "no reason given"}). Is there enough memory, and does \`npx tandem setup\` succeed?`,
      ),
    );
  }
}

/** `TANDEM_` variables set options of the coordinator's command and are not for workers, except for V8's flags. */
function workerEnvironment(token: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("TANDEM_") || name === "TANDEM_V8_FLAGS",
  );
  return { ...Object.fromEntries(inherited), TANDEM_TOKEN: token };
}

function lastLine(output: string): string {
  return output.trim().split("\n").at(-1) ?? "";
}

/** Kills the process if it does not exit in time. */
function waitForExit(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) done();
    else child.once("close", done);
  });
}
