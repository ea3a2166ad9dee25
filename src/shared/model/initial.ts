// The weights that a run starts from: a pure function of the network and the seed.
import { Random } from "../random.js";
import { type Network, sizeOf } from "./network.js";
import type { NamedTensor } from "./values.js";

/** Parameters and population statistics of step 0, in the order of the checkpoint. */
export function initialTensors(network: Network, seed: number): NamedTensor[] {
  const parameters = network.parameters.map(({ name, shape, initial }) => {
    const values = new Float32Array(sizeOf(shape));
    if (initial.kind === "constant") {
      values.fill(initial.value);
    } else {
      const random = new Random(seed, `weights/${name}`);
      for (let index = 0; index < values.length; index++) {
        values[index] = initial.standardDeviation * random.truncatedNormal();
      }
    }
    return { name, shape, values };
  });
  const statistics = network.statistics.flatMap(({ name, channels }) => [
    { name: `${name}/pop_mean`, shape: [channels], values: new Float32Array(channels) },
    { name: `${name}/pop_var`, shape: [channels], values: new Float32Array(channels).fill(1) },
  ]);
  return [...parameters, ...statistics];
}
