// An inference model as Keras layers, from which both the .keras file and TensorFlow.js's layers model are written. Layers that
// Keras or TensorFlow.js lacks are composed of layers that both have. Pure.
import type { Layer } from "../../shared/network/network.js";
import { INPUT, KerasNames } from "../../shared/network/keras/keras-names.js";
import { INPUT_NAME } from "../../shared/network/spec.js";
import { type InferenceModel, PIXEL_SCALE } from "../inference-model.js";
import { type KerasPart, partsOf } from "./keras-parts.js";

type Shape = readonly number[];

/** A weight with its name in Keras; a layer's weights are in Keras's order. */
export interface KerasWeight {
  role: string;
  shape: Shape;
  values: Float32Array;
}

export interface KerasLayer {
  className: string;
  name: string;
  /** Options of the class, without name, trainable and dtype. */
  config: Readonly<Record<string, unknown>>;
  trainable: boolean;
  /** Names of earlier layers; the first layer is the input. */
  inputs: readonly string[];
  /** Of one sample. */
  inputShapes: readonly Shape[];
  shape: Shape;
  weights: readonly KerasWeight[];
}

/** The layers, each after its inputs: the first one is the input, the last one the output. */
export function kerasLayersOf(model: InferenceModel): KerasLayer[] {
  return new KerasNetwork(model).layers;
}

/** For a layer that uses an input twice: TensorFlow.js would free the input after the first use. */
const COPY: KerasPart = { className: "Rescaling", config: { scale: 1, offset: 0 } };

class KerasNetwork {
  readonly layers: KerasLayer[] = [];
  private readonly names: KerasNames;
  private readonly model: InferenceModel;
  /** By name of Tandem's layer: the name of the Keras layer that computes its result. */
  private readonly results = new Map<string, string>();

  constructor(model: InferenceModel) {
    this.model = model;
    const { network } = model;
    this.names = new KerasNames(network);
    this.addInput();
    for (const layer of network.layers) this.addLayer(layer);
    if (model.output === "none" || model.endsWithOutput) return;
    const [last, shape] = [this.layers.at(-1)!.name, network.outputShape];
    const part = { className: "Activation", config: { activation: model.output } };
    this.add(this.names.reserve("probabilities"), part, [last], [shape], shape, true);
  }

  private addInput(): void {
    const shape = this.model.network.inputShape;
    this.add(INPUT, { className: "InputLayer", config: {} }, [], [], shape, true);
    if (!this.model.takesPixels) {
      this.results.set(INPUT_NAME, INPUT);
      return;
    }
    const scale = { className: "Rescaling", config: { scale: PIXEL_SCALE, offset: 0 } };
    const pixels = this.names.reserve("pixels");
    this.add(pixels, scale, [INPUT], [shape], shape, true);
    this.results.set(INPUT_NAME, pixels);
  }

  /** Adds one or more Keras layers; the last one has the layer's name. */
  private addLayer(layer: Layer): void {
    const sources = layer.inputs.map((name) => this.results.get(name)!);
    const parts = partsOf(layer, this.model);
    let previous: { name: string; shape: Shape } | undefined;
    parts.forEach((part, index) => {
      const isLast = index === parts.length - 1;
      const name = isLast
        ? (this.names.weighted.get(layer.name) ?? this.names.reserve(layer.name))
        : this.names.reserve(`${layer.name}_part${index + 1}`);
      const places = part.places ?? ["previous"];
      const inputs = places.flatMap((place) =>
        place === "first" || !previous ? sources : [previous.name],
      );
      const inputShapes = places.flatMap((place) =>
        place === "first" || !previous ? layer.inputShapes : [previous.shape],
      );
      const shape = part.shape ?? layer.shape;
      this.add(name, part, inputs, inputShapes, shape, layer.trainable);
      previous = { name, shape };
    });
    this.results.set(layer.name, previous!.name);
  }

  /** @param name of `names` */
  private add(
    name: string,
    { className, config, weights = [] }: KerasPart,
    inputs: readonly string[],
    inputShapes: readonly Shape[],
    shape: Shape,
    trainable: boolean,
  ): void {
    const distinct = inputs.map((input, index) => {
      if (inputs.indexOf(input) === index) return input;
      const copy = this.names.reserve(`${name}_again`);
      this.add(copy, COPY, [input], [inputShapes[index]!], inputShapes[index]!, true);
      return copy;
    });
    this.layers.push({
      ...{ className, name, config, trainable },
      ...{ inputs: distinct, inputShapes, shape, weights },
    });
  }
}
