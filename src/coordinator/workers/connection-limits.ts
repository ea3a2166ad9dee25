// Limits the number of connections, so that file descriptors remain for checkpoints and worker processes, and so that idle
// connections never keep out working ones.
import { isLoopback, originOf } from "./origin.js";

/** Descriptors for the process's own use: files, pipes, the event loop. */
const RESERVED_DESCRIPTORS = 64;
/** If the operating system's limit is unknown. */
const DEFAULT_DESCRIPTORS = 1024;
const MAX_CONNECTIONS = 2048;
const MAX_IDLE_PER_ORIGIN = 64;
/** Every process on this machine has the same address. */
const MAX_IDLE_ON_LOOPBACK = 256;

/** How many descriptors this process may have open (RLIMIT_NOFILE). */
export function descriptorLimit(): number {
  // Otherwise Node 22 first looks up the host names of all peers.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
  const soft = report.userLimits?.open_files?.soft;
  if (soft === "unlimited") return MAX_CONNECTIONS + RESERVED_DESCRIPTORS;
  return typeof soft === "number" ? soft : DEFAULT_DESCRIPTORS;
}

/** @param descriptors limit of the process @param workerProcesses number of child processes, with two pipes each */
export function maxConnections(descriptors: number, workerProcesses = 0): number {
  const free = descriptors - RESERVED_DESCRIPTORS - 3 * workerProcesses;
  return Math.max(8, Math.min(MAX_CONNECTIONS, free));
}

/**
 * How far a connection has come. `idle`: nothing yet, or its request is over. `joining`: a worker has said hello. `joined`: the
 * worker is ready. `proven`: the worker has answered a task, or the connection serves an open page.
 */
export const STAGES = ["idle", "joining", "joined", "proven"] as const;
export type Stage = (typeof STAGES)[number];

interface Entry {
  origin: string;
  stage: Stage;
  close: () => void;
}

/** @typeParam K what stands for a connection */
export class ConnectionLimits<K> {
  private readonly max: number;
  private readonly maxIdleOf: (origin: string) => number;
  /** In order of arrival. */
  private readonly entries = new Map<K, Entry>();

  /** @param max connections in total */
  constructor(max: number) {
    this.max = max;
    const share = Math.max(4, Math.floor(max / 2));
    this.maxIdleOf = (origin) =>
      Math.min(share, isLoopback(origin) ? MAX_IDLE_ON_LOOPBACK : MAX_IDLE_PER_ORIGIN);
  }

  get size(): number {
    return this.entries.size;
  }

  /**
   * Adds a connection. If there are too many, the oldest one of the lowest stage is closed.
   * @param close must lead to a call of `remove`
   * @returns false if there is no room for it
   */
  add(connection: K, address: string, close: () => void): boolean {
    const origin = originOf(address);
    const idle = [...this.entries].filter(
      ([, entry]) => entry.stage === "idle" && entry.origin === origin,
    );
    if (idle.length >= this.maxIdleOf(origin)) this.evict(idle[0]);
    if (this.entries.size >= this.max) {
      const weakest = this.weakest();
      if (!weakest) return false;
      this.evict(weakest);
    }
    this.entries.set(connection, { origin, stage: "idle", close });
    return true;
  }

  setStage(connection: K, stage: Stage): void {
    const entry = this.entries.get(connection);
    if (entry) entry.stage = stage;
  }

  /** @param close how the connection is closed from now on */
  setClose(connection: K, close: () => void): void {
    const entry = this.entries.get(connection);
    if (entry) entry.close = close;
  }

  remove(connection: K): void {
    this.entries.delete(connection);
  }

  /** Among connections of the lowest stage, the oldest one of the origin that has the most, so that others are not crowded out. */
  private weakest(): [K, Entry] | undefined {
    const counts = new Map<string, number>();
    for (const { origin } of this.entries.values()) {
      counts.set(origin, (counts.get(origin) ?? 0) + 1);
    }
    for (const stage of STAGES.slice(0, -1)) {
      const candidates = [...this.entries].filter(([, entry]) => entry.stage === stage);
      const most = Math.max(...candidates.map(([, { origin }]) => counts.get(origin) ?? 0));
      const found = candidates.find(([, { origin }]) => counts.get(origin) === most);
      if (found) return found;
    }
    return undefined;
  }

  private evict(found: [K, Entry] | undefined): void {
    if (!found) return;
    const [connection, entry] = found;
    this.entries.delete(connection);
    entry.close();
  }
}
