// Names and shapes of a state's tensors, in the one order that the checkpoint and the wire use.
import type { Network } from "./network.js";

/** `with-slots`: with Adam's slots, so that it can take steps. `weights-only`: what inference and gradients need. */
export type ReplicaKind = "with-slots" | "weights-only";

export interface TensorShape {
  name: string;
  shape: number[];
}

export function stateLayout(network: Network, kind: ReplicaKind): TensorShape[] {
  const parameters = network.parameters.map(({ name, shape }) => ({ name, shape }));
  const statistics = network.statistics.flatMap(({ name, channels }) => [
    { name: `${name}/pop_mean`, shape: [channels] },
    { name: `${name}/pop_var`, shape: [channels] },
  ]);
  if (kind === "weights-only") return [...parameters, ...statistics];
  const slots = network.parameters.flatMap(({ name, shape }) => [
    { name: `adam/m/${name}`, shape },
    { name: `adam/v/${name}`, shape },
  ]);
  return [...parameters, ...statistics, ...slots];
}
