// The names of layers in an export to Keras's formats, and from there back to Tandem's. Keras does not allow slashes, and TensorFlow
// hardly any character beyond ASCII. Pure.
import type { Network } from "../network.js";

/** The input's name in every export. */
export const INPUT = "inputs";

/** Names for the layers of an export, each different from the others. */
export class KerasNames {
  /**
   * By layer with weights. They follow from the network alone, so that whoever reads an export finds each layer's weights: names
   * that Keras allows stay, and those that it does not are changed around them.
   */
  readonly weighted: ReadonlyMap<string, string>;
  private readonly taken = new Set([INPUT]);

  constructor(network: Pick<Network, "layers" | "parameters" | "statistics">) {
    const names = weightedLayers(network);
    const isValid = (name: string) => validName(name) === name;
    const ordered = [...names.filter(isValid), ...names.filter((name) => !isValid(name))];
    this.weighted = new Map(ordered.map((name) => [name, this.reserve(name)]));
  }

  /** `conv1/bn` becomes `conv1_bn`; a number is appended if that is taken. */
  reserve(name: string): string {
    const valid = validName(name);
    let free = valid;
    for (let number = 1; this.taken.has(free); number++) free = `${valid}_${number}`;
    this.taken.add(free);
    return free;
  }
}

function weightedLayers({
  layers,
  parameters,
  statistics,
}: Pick<Network, "layers" | "parameters" | "statistics">): string[] {
  const owners = new Set([
    ...parameters.map(({ name }) => name.slice(0, name.lastIndexOf("/"))),
    ...statistics.map(({ name }) => name),
  ]);
  return layers.map(({ name }) => name).filter((name) => owners.has(name));
}

/** Different names may become the same. */
function validName(name: string): string {
  const characters = name.replaceAll(/[^A-Za-z0-9_.-]/g, "_");
  return /^[A-Za-z0-9]/.test(characters) ? characters : `layer${characters}`;
}
