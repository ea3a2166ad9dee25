// The Web Workers of this page, one per core that the user allows: starts, counts, replaces and stops them. Each is a worker of
// the run with its own name.
import {
  type FromBrowserWorker,
  isLast,
  type ToBrowserWorker,
} from "../../../../../shared/protocol/browser-messages.js";
import type { JoinFacts } from "./join-state.js";
import { DeviceTally } from "./tally.js";

/** A Web Worker says goodbye after its current task. If that takes longer, it is ended without. */
const GOODBYE_MS = 10_000;

/** The part of a Web Worker that is used here. */
export interface WorkerThread {
  onmessage: ((event: { data: FromBrowserWorker }) => void) | null;
  onerror: ((event: unknown) => void) | null;
  postMessage(message: ToBrowserWorker): void;
  terminate(): void;
}

export interface DeviceOptions {
  createThread: () => WorkerThread;
  /** URLs of the coordinator and of the wasm engine's module. */
  url: string;
  kernelsUrl: string;
  /** A Web Worker is connected, for the first time or again. */
  onConnected: () => void;
  /** Something that the page shows has changed. */
  onChange: () => void;
}

type Outcome = NonNullable<JoinFacts["outcome"]>;

interface Core {
  /** No other Web Worker of this page has or had the same number. */
  id: number;
  thread: WorkerThread;
  state: "starting" | "connected" | "waiting" | "ended";
  outcome?: Outcome;
}

export class Device {
  readonly tally = new DeviceTally();
  private readonly options: DeviceOptions;
  /** In the order of names: `NAME-1`, `NAME-2`, … */
  private cores: Core[] = [];
  private name = "";
  private nextId = 0;

  constructor(options: DeviceOptions) {
    this.options = options;
  }

  get counts(): JoinFacts["workers"] {
    const count = (state: Core["state"]) =>
      this.cores.filter((core) => core.state === state).length;
    return {
      connected: count("connected"),
      waiting: count("waiting"),
      starting: count("starting"),
      ended: count("ended"),
    };
  }

  /** Undefined while any of the Web Workers continues and before there are any. */
  get outcome(): Outcome | undefined {
    return this.cores.every(({ state }) => state === "ended") ? this.cores[0]?.outcome : undefined;
  }

  /** Starts `count` workers. The tally keeps the work of earlier ones. */
  start(name: string, count: number): void {
    this.stop();
    this.name = name;
    this.resize(count);
  }

  /** Changes the number of workers while the device computes: stops the last ones or starts more. */
  resize(count: number): void {
    for (const core of this.cores.splice(count)) this.dismiss(core);
    while (this.cores.length < count) this.cores.push(this.launch(this.cores.length));
    this.options.onChange();
  }

  /** Reconnects Web Workers immediately if they have ended or would wait first. */
  reconnect(): void {
    this.cores = this.cores.map((core, index) => {
      if (core.state !== "waiting" && core.state !== "ended") return core;
      core.thread.terminate();
      return this.launch(index);
    });
    this.options.onChange();
  }

  /** Each finishes its current task, says goodbye and ends. */
  stop(): void {
    for (const core of this.cores.splice(0)) this.dismiss(core);
    this.options.onChange();
  }

  private launch(index: number): Core {
    const { createThread, url, kernelsUrl } = this.options;
    const thread = createThread();
    const core: Core = { id: this.nextId++, thread, state: "starting" };
    thread.onmessage = ({ data }) => this.receive(core, data);
    thread.onerror = () => {
      const reason = "the browser could not run the worker's script";
      this.end(core, { kind: "failed", reason });
    };
    thread.postMessage({ type: "start", url, name: `${this.name}-${index + 1}`, kernelsUrl });
    return core;
  }

  private receive(core: Core, message: FromBrowserWorker): void {
    this.tally.note(core.id, message);
    switch (message.type) {
      case "connected":
        core.state = "connected";
        this.options.onConnected();
        break;
      case "waiting":
        core.state = "waiting";
        break;
      case "ended":
        this.end(core, { kind: "ended", reason: message.reason });
        return;
      case "refused":
        this.end(core, { kind: "refused", cause: message.cause, reason: message.reason });
        return;
      case "failed":
        this.end(core, { kind: "failed", reason: message.reason });
        return;
      case "weights":
      case "task":
      case "stopped":
        break;
      default:
        message satisfies never;
    }
    this.options.onChange();
  }

  private end(core: Core, outcome: Outcome): void {
    core.state = "ended";
    core.outcome = outcome;
    core.thread.terminate();
    this.options.onChange();
  }

  /** Until it has ended, the tally still counts its work. */
  private dismiss({ id, thread, state }: Core): void {
    if (state !== "connected") {
      thread.terminate();
      return;
    }
    const timer = setTimeout(() => thread.terminate(), GOODBYE_MS);
    thread.onmessage = ({ data }) => {
      this.tally.note(id, data);
      if (!isLast(data)) return;
      clearTimeout(timer);
      thread.terminate();
      this.options.onChange();
    };
    thread.postMessage({ type: "stop" });
  }
}
