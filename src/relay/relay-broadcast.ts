// How a relay keeps its workers' replicas up to date: the two strategies of the coordinator's broadcast, with received data instead
// of computed data.
import type { WorkerBroadcast } from "../coordinator/broadcast/broadcast.js";
import type { WorkerLink } from "../coordinator/workers/tasks.js";
import type { FromCoordinator } from "../shared/protocol/messages.js";
import type { Gradients } from "../shared/replica/tensors.js";

type Message<Type extends FromCoordinator["type"]> = FromCoordinator & { type: Type };

export interface RelayBroadcast extends WorkerBroadcast {
  /** Step of the state that workers have or are being sent; −1 until there is one. */
  readonly step: number;
  /** Memory that the tail of a state's group is written to as it arrives; `parts` come before the tail. @throws FrameError */
  tailPlaces(
    message: Message<"state">,
    lengths: readonly number[],
    parts: readonly Uint8Array[],
  ): Uint8Array[];
  /** More bytes of the tail have arrived. */
  noteTail(byteLength: number): void;
  /**
   * Takes a group of a state, to be forwarded.
   * @returns true if this moves the workers' replicas to its step, whose tasks start again
   * @throws FrameError
   */
  takeState(message: Message<"state">, parts: readonly Uint8Array[]): boolean;
  /** Takes the update to the next step. @throws FrameError */
  takeUpdate(message: Message<"update">, parts: readonly Uint8Array[]): void;
  /** Takes the factors of a shard that is computed elsewhere. @throws FrameError */
  takeFactors(message: Message<"factors">, parts: readonly Uint8Array[]): void;
  /** A worker's answer to a shard has been accepted. */
  takeAnswer(owner: WorkerLink, shard: number, gradients: Gradients): void;
  /** Takes the coordinator's digest of the weights. @throws FrameError */
  takeDigest(message: Message<"digest">): void;
  /** The connection to the coordinator is ready. */
  noteConnected(): void;
  /** The connection is lost: messages in transit will not arrive. */
  noteLost(): void;
}
