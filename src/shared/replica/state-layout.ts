// Names and shapes of a state's tensors, in the order that both the checkpoint and the protocol use. Pure.
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

/** `with-slots`: can take optimizer steps. `weights-only`: can compute gradients and inference. */
export type ReplicaKind = "with-slots" | "weights-only";

export interface TensorShape {
  name: string;
  shape: readonly number[];
}

/**
 * Larger tensors are sent in chunks of at most this size. The receiver of a 13 MB message would join pieces of 64 KiB in newly
 * allocated memory, which takes more than twice as long as chunks, which stay in the processor's cache
 * (docs/lab-notebook.md).
 */
export const CHUNK_BYTES = 2 ** 19;

export function isLarge({ shape }: TensorShape): boolean {
  return 4 * sizeOf(shape) > CHUNK_BYTES;
}

/** The complete state: parameters, population statistics, slots. */
export function stateLayout({ network, config }: RunLayout, kind: ReplicaKind): TensorShape[] {
  return tensorsOf(network.parameters, network.statistics, slotOwner(config, kind));
}

/** What `initialTensors` draws: parameters and population statistics. */
export function weightLayout({ parameters, statistics }: Network): TensorShape[] {
  return tensorsOf(parameters, statistics, undefined);
}

/** How many groups a complete state is sent in; the first ones are those of the gradient buckets. */
export function stateGroupCount(layout: RunLayout): number {
  return layout.buckets.length + (hasFrozen(layout) ? 1 : 0);
}

/** Whether the state has tensors that no step changes. These are sent once, before the buckets. */
export function hasFrozen({ network }: RunLayout): boolean {
  const isFrozen = ({ trainable }: { trainable: boolean }) => !trainable;
  return network.parameters.some(isFrozen) || network.statistics.some(isFrozen);
}

/**
 * The tensors that are sent together: the parameters of a gradient bucket and, with the last bucket, the population statistics,
 * which are only known at the end of a step. Variables that are not trained are a group of their own.
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

/** The names of a batch-norm layer's statistics in a state. */
export function statisticNames(layer: string): { mean: string; variance: string } {
  return { mean: `${layer}/pop_mean`, variance: `${layer}/pop_var` };
}

/** The optimizer whose slots are part of the state; undefined if there are none. */
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
