// A coordinator, relays and workers as processes, arranged as a test requires.
import type { SmallRun } from "./small-run.js";
import { Tandem } from "./tandem.js";

export class RelayTree {
  readonly coordinator: Tandem;
  readonly cwd: string;
  readonly url: string;

  private constructor(coordinator: Tandem, cwd: string, url: string) {
    this.coordinator = coordinator;
    this.cwd = cwd;
    this.url = url;
  }

  /** @param minWorkers behind relays or not, before the first step */
  static async start(
    run: SmallRun,
    minWorkers: number,
    args: string[] = [],
    env: NodeJS.ProcessEnv = {},
  ): Promise<RelayTree> {
    const options = ["--port", "0", "--min-workers", `${minWorkers}`, ...args];
    const { process, cwd } = run.start("coordinator", options, undefined, env);
    return new RelayTree(process, cwd, await process.url());
  }

  /** @param above the coordinator's address, or another relay's */
  async relay(name: string, above = this.url, ...args: string[]): Promise<Relay> {
    const options = ["--port", "0", "--name", name, "--json", ...args];
    const process = new Tandem(["relay", above, ...options]);
    return { process, url: await process.url() };
  }

  /** @param vias addresses of relays, tried before the coordinator */
  worker(name: string, vias: readonly string[] = [], ...args: string[]): Tandem {
    const via = vias.length > 0 ? ["--via", vias.join(",")] : [];
    return new Tandem(["worker", this.url, ...via, "--name", name, "--json", ...args]);
  }
}

export interface Relay {
  process: Tandem;
  url: string;
}

/** Resolves with a coordinator's or relay's event that a worker has joined, left or been rejected. */
export function workerEvent(of: Tandem, name: string, state: string) {
  return of.event(
    (event) => event.event === "worker" && event["name"] === name && event["state"] === state,
  );
}
