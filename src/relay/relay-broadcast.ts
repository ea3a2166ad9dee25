// What a relay passes on to its workers so that their replicas keep up: the two strategies of the coordinator's broadcast, with
// what is received in the place of what is computed.
import type { WorkerBroadcast } from "../coordinator/broadcast/broadcast.js";
import type { WorkerLink } from "../coordinator/workers/tasks.js";
import type { FromCoordinator } from "../shared/protocol/messages.js";
import type { Gradients } from "../shared/replica/tensors.js";

type Message<Type extends FromCoordinator["type"]> = FromCoordinator & { type: Type };

export interface RelayBroadcast extends WorkerBroadcast {
  /** Steps behind the state that workers have, or are being sent; −1 before there is any. */
  readonly step: number;
  /** Where the tail of a state's group is written as it arrives; `parts` are those before it. @throws FrameError */
  tailPlaces(
    message: Message<"state">,
    lengths: readonly number[],
    parts: readonly Uint8Array[],
  ): Uint8Array[];
  /** So many bytes of the tail have come. */
  noteTail(byteLength: number): void;
  /**
   * A group of a state, to be sent on.
   * @returns whether the workers' replicas are at its step from now on, and begin it anew
   * @throws FrameError
   */
  takeState(message: Message<"state">, parts: readonly Uint8Array[]): boolean;
  /** The update that leads to the next step. @throws FrameError */
  takeUpdate(message: Message<"update">, parts: readonly Uint8Array[]): void;
  /** Factors of a shard that is computed elsewhere. @throws FrameError */
  takeFactors(message: Message<"factors">, parts: readonly Uint8Array[]): void;
  /** A worker's answer to a shard is used here. */
  takeAnswer(owner: WorkerLink, shard: number, gradients: Gradients): void;
  /** The coordinator's digest of the weights. @throws FrameError */
  takeDigest(message: Message<"digest">): void;
  /** The connection to the coordinator is ready. */
  greet(): void;
  /** It is lost: what is on its way will not come. */
  noteLost(): void;
}
