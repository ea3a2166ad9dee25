// Names and shapes of a state's tensors, in the one order that the checkpoint and the wire use. Pure.
import {
  type Network,
  type ParameterSpec,
  sizeOf,
  type StatisticsSpec,
  trainedStatistics,
} from "../network/network.js";
import type { RunConfig } from "../config.js";
import type { OptimizerSpec } from "../optimizer/optimizer.js";
import { slotsOf } from "../optimizer/slots.js";
import type { RunLayout } from "../run-layout.js";

/** `with-slots`: with the optimizer's slots, so that it can take steps. `weights-only`: what gradients and inference need. */
export type ReplicaKind = "with-slots" | "weights-only";

export interface TensorShape {
  name: string;
  shape: readonly number[];
}

/**
 * Larger tensors travel in chunks of so many bytes at most. A message of 13 MB is put together at its receiver from pieces
 * of 64 KiB, in memory that is new each time; that takes more than twice what chunks do, which stay in the processor's
 * cache (docs/lab-notebook.md).
 */
export const CHUNK_BYTES = 2 ** 19;

export function isLarge({ shape }: TensorShape): boolean {
  return 4 * sizeOf(shape) > CHUNK_BYTES;
}

/** The whole state: parameters, population statistics, slots. */
export function stateLayout({ network, config }: RunLayout, kind: ReplicaKind): TensorShape[] {
  return tensorsOf(network.parameters, network.statistics, slotOwner(config, kind));
}

/** What `initialTensors` draws: parameters and population statistics. */
export function weightLayout({ parameters, statistics }: Network): TensorShape[] {
  return tensorsOf(parameters, statistics, undefined);
}

/** How many groups a whole state is sent in; the first ones are those of the gradient buckets. */
export function stateGroupCount(layout: RunLayout): number {
  return layout.buckets.length + (hasFrozen(layout) ? 1 : 0);
}

/** What no step changes: it is sent once, before the buckets. */
export function hasFrozen({ network }: RunLayout): boolean {
  const isFrozen = ({ trainable }: { trainable: boolean }) => !trainable;
  return network.parameters.some(isFrozen) || network.statistics.some(isFrozen);
}

/**
 * The part of a state that is sent together: the parameters of a gradient bucket, with the last bucket the population
 * statistics, which are known when a step is over; and as one group more what is not trained.
 */
export function stateGroup(layout: RunLayout, kind: ReplicaKind, group: number): TensorShape[] {
  const { network, config, buckets } = layout;
  const bucket = buckets[group];
  if (!bucket) {
    const isFrozen = ({ trainable }: { trainable: boolean }) => !trainable;
    const { parameters, statistics } = network;
    return tensorsOf(
      parameters.filter(isFrozen),
      statistics.filter(isFrozen),
      slotOwner(config, kind),
    );
  }
  const isLast = group === buckets.length - 1;
  const statistics = isLast ? trainedStatistics(network) : [];
  return tensorsOf(bucket, statistics, slotOwner(config, kind));
}

/** A batch-norm layer's tensors in a state. */
export function statisticNames(layer: string): { mean: string; variance: string } {
  return { mean: `${layer}/pop_mean`, variance: `${layer}/pop_var` };
}

/** Whose slots are part of a state. */
function slotOwner({ optimizer }: RunConfig, kind: ReplicaKind): OptimizerSpec | undefined {
  return kind === "with-slots" ? optimizer : undefined;
}

function tensorsOf(
  parameters: readonly ParameterSpec[],
  statistics: readonly StatisticsSpec[],
  slotOwner: OptimizerSpec | undefined,
): TensorShape[] {
  const tensors: TensorShape[] = parameters.map(({ name, shape }) => ({ name, shape }));
  for (const { name, channels } of statistics) {
    const { mean, variance } = statisticNames(name);
    tensors.push({ name: mean, shape: [channels] }, { name: variance, shape: [channels] });
  }
  if (!slotOwner) return tensors;
  for (const { name, shape, trainable } of parameters) {
    if (!trainable) continue;
    for (const slot of slotsOf(slotOwner, name)) tensors.push({ name: slot, shape });
  }
  return tensors;
}
