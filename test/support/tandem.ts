// The real command in a real process, with its events as they come.
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

export interface TandemEvent {
  event: string;
  [field: string]: unknown;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  events: TandemEvent[];
  stdout: string;
  stderr: string;
}

const running = new Set<Tandem>();

/** Ends what a failed test has left behind; to be called after each test. */
export function killAll(): void {
  for (const tandem of running) tandem.kill("SIGKILL");
}

export class Tandem {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly events: TandemEvent[] = [];
  private stdout = "";
  private stderr = "";
  private readonly waiting = new Set<() => void>();

  constructor(args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    this.process = spawn(process.execPath, [CLI, ...args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    running.add(this);
    let line = "";
    this.process.stdout?.on("data", (chunk: Buffer) => {
      this.stdout += chunk.toString();
      const lines = (line + chunk.toString()).split("\n");
      line = lines.pop() ?? "";
      for (const text of lines) this.take(text);
    });
    this.process.stderr?.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.ended = new Promise((resolve) => {
      this.process.on("close", (code, signal) => {
        running.delete(this);
        const { events, stdout, stderr } = this;
        resolve({ code, signal, events, stdout, stderr });
        for (const wake of this.waiting) wake();
      });
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** The first event, past or to come, that is so. Fails where the process ends without it. */
  async event(isIt: (event: TandemEvent) => boolean): Promise<TandemEvent> {
    let seen = 0;
    for (;;) {
      for (; seen < this.events.length; seen++) {
        if (isIt(this.events[seen]!)) return this.events[seen]!;
      }
      if (this.process.exitCode !== null || this.process.signalCode !== null) {
        throw new Error(`ended without the event\n${this.stdout.slice(-2000)}\n${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.waiting.delete(wake);
          resolve();
        };
        this.waiting.add(wake);
      });
    }
  }

  step(step: number): Promise<TandemEvent> {
    return this.event((event) => event.event === "step" && event["step"] === step);
  }

  async url(): Promise<string> {
    const listening = await this.event((event) => event.event === "listening");
    return String(listening["url"]);
  }

  /** Of the run's configuration: what a worker has to be equal to. */
  async numerics(): Promise<string> {
    const start = await this.event(({ event }) => event === "start");
    return (start["config"] as { numerics: string }).numerics;
  }

  /** The first match in standard output. */
  async output(pattern: RegExp): Promise<string> {
    for (;;) {
      const [found] = pattern.exec(this.stdout) ?? [];
      if (found !== undefined) return found;
      if (this.process.exitCode !== null) throw new Error(`ended without it\n${this.stderr}`);
      await new Promise<void>((resolve) => this.process.stdout?.once("data", () => resolve()));
    }
  }

  /** The first match in standard error, or what it captures. */
  async errorOutput(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.stderr);
      if (found) return found[1] ?? found[0];
      if (this.process.exitCode !== null) throw new Error(`ended without it\n${this.stderr}`);
      await new Promise<void>((resolve) => this.process.stderr?.once("data", () => resolve()));
    }
  }

  private take(text: string): void {
    try {
      this.events.push(JSON.parse(text) as TandemEvent);
    } catch {
      return; // a line for people; tests of --json look at stdout itself
    }
    for (const wake of this.waiting) wake();
  }
}

/** Runs a command to its end. */
export function tandem(args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
  return new Tandem(args, options).ended;
}
