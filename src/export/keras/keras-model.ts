// An inference model as layers of Keras, which both of its formats are written from: the .keras file and TensorFlow.js's layers
// model. What Keras or TensorFlow.js lacks is put together from layers that both have. Pure.
import type { Layer } from "../../shared/network/network.js";
import { INPUT_NAME } from "../../shared/network/spec.js";
import { INPUT } from "../inference-graph.js";
import { type InferenceModel, PIXEL_SCALE } from "../inference-model.js";
import { KerasNames } from "./keras-names.js";
import { type KerasPart, partsOf } from "./keras-parts.js";

type Shape = readonly number[];

/** A weight in the order and under the name that Keras gives it. */
export interface KerasWeight {
  role: string;
  shape: Shape;
  values: Float32Array;
}

export interface KerasLayer {
  className: string;
  name: string;
  /** What the class needs besides name, trainable and dtype. */
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

/** For a layer that takes one input twice: TensorFlow.js would free it after the first time. */
const COPY: KerasPart = { className: "Rescaling", config: { scale: 1, offset: 0 } };

class KerasNetwork {
  readonly layers: KerasLayer[] = [];
  private readonly names = new KerasNames();
  private readonly model: InferenceModel;
  /** By the names of Tandem's layers: the Keras layer that has the result. */
  private readonly results = new Map<string, string>();

  constructor(model: InferenceModel) {
    this.model = model;
    const { network } = model;
    this.addInput();
    for (const layer of network.layers) this.addLayer(layer);
    if (model.output === "none" || model.endsWithOutput) return;
    const [last, shape] = [this.layers.at(-1)!.name, network.outputShape];
    const part = { className: "Activation", config: { activation: model.output } };
    this.add("probabilities", part, [last], [shape], shape, true);
  }

  private addInput(): void {
    const shape = this.model.network.inputShape;
    const input = this.add(INPUT, { className: "InputLayer", config: {} }, [], [], shape, true);
    if (!this.model.takesPixels) {
      this.results.set(INPUT_NAME, input);
      return;
    }
    const scale = { className: "Rescaling", config: { scale: PIXEL_SCALE, offset: 0 } };
    this.results.set(INPUT_NAME, this.add("pixels", scale, [input], [shape], shape, true));
  }

  /** In as many Keras layers as it takes; the last one has the layer's name. */
  private addLayer(layer: Layer): void {
    const sources = layer.inputs.map((name) => this.results.get(name)!);
    const parts = partsOf(layer, this.model);
    let previous: { name: string; shape: Shape } | undefined;
    parts.forEach((part, index) => {
      const isLast = index === parts.length - 1;
      const name = isLast ? layer.name : `${layer.name}_part${index + 1}`;
      const places = part.places ?? ["previous"];
      const inputs = places.flatMap((place) =>
        place === "first" || !previous ? sources : [previous.name],
      );
      const inputShapes = places.flatMap((place) =>
        place === "first" || !previous ? layer.inputShapes : [previous.shape],
      );
      const shape = part.shape ?? layer.shape;
      previous = { name: this.add(name, part, inputs, inputShapes, shape, layer.trainable), shape };
    });
    this.results.set(layer.name, previous!.name);
  }

  /** @returns the name that Keras allows */
  private add(
    name: string,
    { className, config, weights = [] }: KerasPart,
    inputs: readonly string[],
    inputShapes: readonly Shape[],
    shape: Shape,
    trainable: boolean,
  ): string {
    const distinct = inputs.map((input, index) =>
      inputs.indexOf(input) === index
        ? input
        : this.add(
            `${name}_again`,
            COPY,
            [input],
            [inputShapes[index]!],
            inputShapes[index]!,
            true,
          ),
    );
    const valid = this.names.reserve(name);
    this.layers.push({
      ...{
        className,
        name: valid,
        config,
        trainable,
        inputs: distinct,
        inputShapes,
        shape,
        weights,
      },
    });
    return valid;
  }
}
