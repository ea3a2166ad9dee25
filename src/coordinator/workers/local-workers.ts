// The worker processes of `local`: started here, started again when one is lost, and ended with the run.
import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { fileURLToPath } from "node:url";
import { messageOf, TandemError } from "../../shared/errors.js";
import { sanitizeText } from "../../shared/text.js";

const CLI = fileURLToPath(new URL("../../cli.js", import.meta.url));
/** A worker that lived shorter than this did not really start. */
const SHORT_LIFE_MS = 5_000;
const MAX_SHORT_LIVES = 3;
const RESTART_DELAY_MS = 200;
const END_MS = 3_000;
const KEPT_OUTPUT = 4_000;
const MAX_PROBLEM_LENGTH = 300;
/** The system has no descriptor, process or memory to spare right now. */
const SHORTAGES: readonly unknown[] = ["EMFILE", "ENFILE", "EAGAIN", "ENOMEM"];
const LONGEST_DELAY_MS = 10_000;

/** Of `node:child_process`; a test supplies its own. */
export type Spawn = (program: string, args: string[], options: SpawnOptions) => ChildProcess;

export class LocalWorkers {
  private readonly token: string;
  private readonly onProblem: (text: string) => void;
  private readonly spawn: Spawn;
  private readonly children = new Set<ChildProcess>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private ending = false;
  private fail: (error: Error) => void = () => undefined;
  private lastProblem = "";

  /**
   * @param token goes to the workers by their environment: a command line is public
   * @param onProblem called with a sentence where a worker does not start
   */
  constructor(token: string, onProblem: (text: string) => void, spawnProcess: Spawn = spawn) {
    this.token = token;
    this.onProblem = onProblem;
    this.spawn = spawnProcess;
  }

  /** @param fail is called once none is left that could be started again */
  start(url: string, count: number, fail: (error: Error) => void): void {
    this.fail = fail;
    for (let number = 1; number <= count; number++) this.startOne(url, `worker-${number}`, 0);
  }

  /** Waits for the workers, which the coordinator has told that the run is over, and kills those that do not end. */
  async end(): Promise<void> {
    this.stopRestarts();
    await Promise.all([...this.children].map((child) => ended(child)));
  }

  killAll(): void {
    this.stopRestarts();
    for (const child of this.children) child.kill("SIGKILL");
  }

  private stopRestarts(): void {
    this.ending = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }

  /** @param shortLives how often in a row the worker has not really started */
  private startOne(url: string, name: string, shortLives: number, shortages = 0): void {
    const startedMs = performance.now();
    let output = "";
    let problem: NodeJS.ErrnoException | undefined;
    let isOver = false;
    const onOver = (code: number | null) => {
      if (isOver) return;
      isOver = true;
      if (this.ending || code === 0) return;
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
          // The open standard input tells the worker that its parent lives.
          stdio: ["pipe", "ignore", "pipe"],
          env: workerEnvironment(this.token),
          // A group of its own: Ctrl-C in the terminal reaches the coordinator, which ends its workers in good order.
          detached: true,
          // On Windows a process with a group of its own would open a window.
          windowsHide: true,
        },
      );
    } catch (error) {
      problem = error instanceof Error ? error : new Error(messageOf(error));
      onOver(null);
      return;
    }
    this.children.add(child);
    // Where there are no descriptors left, the child has no streams, and its "error" follows.
    child.stderr?.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
    });
    child.stdin?.on("error", () => undefined);
    const forget = (code: number | null) => {
      this.children.delete(child);
      onOver(code);
    };
    child.on("error", (error) => {
      problem = error;
      // One that never ran has no "close" to wait for.
      if (child.pid === undefined) forget(null);
    });
    child.on("close", forget);
  }

  private startLater(attempt: number, start: () => void): void {
    const delayMs = Math.min(LONGEST_DELAY_MS, RESTART_DELAY_MS * 2 ** attempt);
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

/** Variables of options are for the command that was started, not for its workers; those of the process are for both. */
function workerEnvironment(token: string): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("TANDEM_") || name === "TANDEM_V8_FLAGS",
  );
  return { ...Object.fromEntries(inherited), TANDEM_TOKEN: token };
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
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) done();
    else child.once("close", done);
  });
}
