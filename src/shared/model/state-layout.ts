// Names and shapes of a state's tensors, in the one order that the checkpoint and the wire use.
import { type Half, HALVES, type Network, sizeOf } from "./network.js";

/** `with-slots`: with Adam's slots, so that it can take steps. `weights-only`: what inference and gradients need. */
export type ReplicaKind = "with-slots" | "weights-only";

export interface TensorShape {
  name: string;
  shape: number[];
}

/**
 * Larger tensors travel in pieces of so many bytes at most. A message of 13 MB is put together at its receiver from pieces
 * of 64 KiB, in memory that is new each time; that takes more than twice what pieces do, which stay in the processor's
 * cache (docs/performance.md).
 */
export const PIECE_BYTES = 2 ** 19;

export function isLarge({ shape }: TensorShape): boolean {
  return 4 * sizeOf(shape) > PIECE_BYTES;
}

/** @param halves of the network whose tensors are meant; statistics, known when a step is over, go with the features */
export function stateLayout(
  network: Network,
  kind: ReplicaKind,
  halves: readonly Half[] = HALVES,
): TensorShape[] {
  const parameters = network.parameters
    .filter(({ half }) => halves.includes(half))
    .map(({ name, shape }) => ({ name, shape }));
  const layers = halves.includes("features") ? network.statistics : [];
  const statistics = layers.flatMap(({ name, channels }) => [
    { name: `${name}/pop_mean`, shape: [channels] },
    { name: `${name}/pop_var`, shape: [channels] },
  ]);
  if (kind === "weights-only") return [...parameters, ...statistics];
  const slots = parameters.flatMap(({ name, shape }) => [
    { name: `adam/m/${name}`, shape },
    { name: `adam/v/${name}`, shape },
  ]);
  return [...parameters, ...statistics, ...slots];
}
