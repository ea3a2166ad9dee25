// Layers as functions (layers.ts) → the description of a network: connects them in chains and branches, and names those without a
// name. Pure.
import { buildNetwork } from "./build.js";
import type { BranchesItem, LayerItem, NetworkPart } from "./layer-items.js";
import { parseInputShape, parseLayerNode } from "./schema.js";
import { inferShape } from "./shapes.js";
import { INPUT_NAME, type LayerNode, type LayerSpec, type NetworkSpec } from "./spec.js";

/** Of one sample: a vector, or an image [height, width, channels]. */
export type InputShape =
  | readonly [features: number]
  | readonly [rows: number, columns: number]
  | readonly [height: number, width: number, channels: number];

/**
 * Describes a network.
 * @param parts a chain of layers; the last one's result is the output, which is logits for classification
 * @throws TandemError `network`, naming the layer that does not fit
 */
export function network(inputShape: InputShape, parts: readonly NetworkPart[]): NetworkSpec {
  const composer = new Composer(parts);
  composer.append(parts, {
    name: INPUT_NAME,
    shape: parseInputShape(inputShape),
    owner: undefined,
  });
  return buildNetwork({ inputShape, layers: composer.nodes }).spec;
}

/** Where the next layer goes. */
interface Place {
  /** The layer that is its input. */
  name: string;
  /** The shape of that input. */
  shape: readonly number[];
  /** The last convolution or dense layer in its chain; it is named after that. */
  owner: string | undefined;
}

const OWNING_KINDS: readonly LayerSpec["kind"][] = ["conv2d", "depthwise-conv2d", "dense"];

class Composer {
  readonly nodes: LayerNode[] = [];
  /** Names that the user chose, and those made up so far. */
  private readonly names: Set<string>;

  constructor(parts: readonly NetworkPart[]) {
    this.names = new Set(listNames(parts));
  }

  append(part: NetworkPart, place: Place): Place {
    if (!("form" in part)) {
      return part.reduce<Place>((current, each) => this.append(each, current), place);
    }
    return part.form === "layer" ? this.appendLayer(part, place) : this.appendBranches(part, place);
  }

  private appendLayer(item: LayerItem, place: Place): Place {
    const isOwning = item.parts.some(([, { kind }]) => OWNING_KINDS.includes(kind));
    const name = item.name ?? this.makeName(item.label, isOwning ? undefined : place.owner);
    let current = place;
    for (const [suffix, layer] of item.parts) {
      current = this.place(`${name}${suffix}`, layer, item.trainable, [current]);
    }
    return { ...current, owner: isOwning ? name : place.owner };
  }

  private appendBranches(item: BranchesItem, place: Place): Place {
    const ends = item.branches.map((branch) => this.append(branch, { ...place, owner: undefined }));
    const axis = item.axis ?? (ends[0] ?? place).shape.length - 1;
    const layer: LayerSpec = item.merge === "add" ? { kind: "add" } : { kind: "concatenate", axis };
    return this.place(item.name ?? this.makeName(item.label), layer, true, ends);
  }

  private place(
    name: string,
    layer: LayerSpec,
    trainable: boolean,
    sources: readonly Place[],
  ): Place {
    const inputs = sources.map((source) => source.name);
    const node = parseLayerNode({ name, inputs, trainable, layer });
    const shapes = sources.map(({ shape }) => shape);
    this.nodes.push(node);
    return { name, shape: inferShape(name, node.layer, shapes), owner: undefined };
  }

  /** OWNER/label if that is free, else label1, label2, … */
  private makeName(label: string, owner?: string): string {
    let name = `${owner}/${label}`;
    for (let number = 1; owner === undefined || this.names.has(name); number++) {
      name = `${label}${number}`;
      if (!this.names.has(name)) break;
    }
    this.names.add(name);
    return name;
  }
}

/** The names that the user chose. */
function listNames(parts: readonly NetworkPart[]): string[] {
  return parts.flatMap((part) => {
    if (!("form" in part)) return listNames(part);
    const names = part.name === undefined ? [] : [part.name];
    return part.form === "branches" ? [...names, ...listNames(part.branches)] : names;
  });
}
