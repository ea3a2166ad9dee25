// The frames that keep workers' replicas up to date, made once a step however many workers there are, and only if one asks.
import type { Broadcast, RunConfig } from "../shared/config.js";
import { sizeOf } from "../shared/model/network.js";
import type { Replica } from "../shared/model/replica.js";
import { type ReplicaKind, stateLayout } from "../shared/model/state-layout.js";
import type { Update } from "../shared/model/values.js";
import { encodeFrame } from "../shared/protocol/frame.js";
import { stateParts, updateParts } from "../shared/protocol/payload.js";

export class StateFeed {
  readonly config: RunConfig;
  readonly broadcast: Broadcast;
  private openReplica: Replica | undefined;
  private readonly onOpen: (() => void)[] = [];
  private lastUpdate: { step: number; update: Update } | undefined;
  private stateFrame: { step: number; frame: Buffer } | undefined;
  private updateFrame: { step: number; frame: Buffer } | undefined;

  constructor(config: RunConfig, broadcast: Broadcast) {
    this.config = config;
    this.broadcast = broadcast;
  }

  /** What a worker's replica holds: with slots it takes the steps itself. */
  get replicaKind(): ReplicaKind {
    return this.broadcast === "updates" ? "with-slots" : "weights-only";
  }

  /** Bytes of the largest thing that a worker is sent. */
  get stateBytes(): number {
    if (!this.openReplica) return 0;
    const layout = stateLayout(this.openReplica.network, this.replicaKind);
    return layout.reduce((total, { shape }) => total + 4 * sizeOf(shape), 0);
  }

  /** True once there is a state to send: the port is opened before the weights are made. */
  get isOpen(): boolean {
    return this.openReplica !== undefined;
  }

  /** From now on there is a state; workers that were ready before are let in. */
  open(replica: Replica): void {
    this.openReplica = replica;
    for (const letIn of this.onOpen.splice(0)) letIn();
  }

  /** Calls back when there is a state to send, at once if there is. */
  whenOpen(letIn: () => void): void {
    if (this.isOpen) letIn();
    else this.onOpen.push(letIn);
  }

  private get replica(): Replica {
    if (!this.openReplica) throw new Error("no state yet");
    return this.openReplica;
  }

  /**
   * True where workers make the next state themselves: they can be told what leads there before the coordinator has
   * gone there itself.
   */
  get leadsAhead(): boolean {
    return this.broadcast === "updates";
  }

  /** Takes note of what leads to `step`, before the workers are told to follow. */
  noteUpdate(update: Update, step: number): void {
    this.lastUpdate = { step, update };
  }

  /** All that a worker needs to stand where the coordinator stands. */
  state(): Buffer {
    const { step } = this.replica;
    if (this.stateFrame?.step !== step) {
      const parts = stateParts(this.replica.snapshot(this.replicaKind));
      this.stateFrame = { step, frame: encodeFrame({ type: "state", step }, parts) };
    }
    return this.stateFrame.frame;
  }

  /** What takes a worker that stood one step back to the newest step. */
  advance(): Buffer {
    if (!this.leadsAhead || !this.lastUpdate) return this.state();
    const { step, update } = this.lastUpdate;
    if (this.updateFrame?.step !== step) {
      const parts = updateParts(this.replica.network, update);
      this.updateFrame = { step, frame: encodeFrame({ type: "update", step }, parts) };
    }
    return this.updateFrame.frame;
  }
}
