// A network as data: what a run's configuration and its checkpoint hold, and what travels to workers. Checked, in plain JSON,
// and independent of how it was written (Keras's JSON, the library, a preset). Pure.

/** SAME and VALID as TensorFlow defines them (tensorflow.org/api_docs/python/tf/nn, "Notes on padding"). */
export type Padding = "same" | "valid";

/** The activations; `gelu` is the exact one, `gelu-tanh` its approximation. */
export type ActivationKind =
  "relu" | "relu6" | "leaky-relu" | "elu" | "gelu" | "gelu-tanh" | "silu" | "sigmoid" | "tanh";

/** How a parameter's first values are drawn, by the project's own generator. */
export type Initializer =
  | { kind: "constant"; value: number }
  /** Redrawn outside ±2σ. */
  | { kind: "truncated-normal"; mean: number; standardDeviation: number }
  | { kind: "normal"; mean: number; standardDeviation: number }
  | { kind: "uniform"; min: number; max: number }
  /** Glorot, He and LeCun are of this form, as in Keras's VarianceScaling. */
  | {
      kind: "variance-scaling";
      scale: number;
      mode: "fan-in" | "fan-out" | "fan-average";
      distribution: "truncated-normal" | "normal" | "uniform";
    };

/** Of a window, a stride or an image. */
export type Sides = readonly [height: number, width: number];

/** What a layer computes. */
export type LayerSpec =
  | {
      kind: "conv2d";
      filters: number;
      kernelSize: Sides;
      strides: Sides;
      padding: Padding;
      useBias: boolean;
      kernelInitializer: Initializer;
      biasInitializer: Initializer;
    }
  | {
      kind: "depthwise-conv2d";
      kernelSize: Sides;
      strides: Sides;
      padding: Padding;
      depthMultiplier: number;
      useBias: boolean;
      kernelInitializer: Initializer;
      biasInitializer: Initializer;
    }
  | {
      kind: "dense";
      units: number;
      useBias: boolean;
      kernelInitializer: Initializer;
      biasInitializer: Initializer;
    }
  /** Over all axes but the last. `momentum`: population ← momentum · population + (1 − momentum) · batch. */
  | {
      kind: "batch-norm";
      epsilon: number;
      momentum: number;
      scale: boolean;
      center: boolean;
      scaleInitializer: Initializer;
      betaInitializer: Initializer;
    }
  /** `alpha`: the slope of leaky-relu below 0, the scale of elu below 0; 0 for the others. */
  | { kind: "activation"; activation: ActivationKind; alpha: number }
  /** Over the last axis; the last layer only. */
  | { kind: "softmax" }
  | { kind: "max-pool"; poolSize: Sides; strides: Sides; padding: Padding }
  /** The mean of the values inside the image, as TensorFlow's and Keras's. */
  | { kind: "average-pool"; poolSize: Sides; strides: Sides; padding: Padding }
  /** [H,W,C] → [C], or [1,1,C] */
  | { kind: "global-average-pool"; keepDimensions: boolean }
  | { kind: "global-max-pool"; keepDimensions: boolean }
  | { kind: "flatten" }
  /** Of one sample. */
  | { kind: "reshape"; shape: readonly number[] }
  | { kind: "zero-padding"; top: number; bottom: number; left: number; right: number }
  | { kind: "dropout"; rate: number }
  /** Of two inputs or more, of one shape. */
  | { kind: "add" }
  /** Of two inputs or more. `axis` counts from 0 among the axes of one sample. */
  | { kind: "concatenate"; axis: number };

/** One layer in its place. */
export interface LayerNode {
  /** Unique in the network; the first part of its parameters' names. */
  name: string;
  /** Names of earlier layers; `INPUT_NAME` for the network's input. */
  inputs: readonly string[];
  /** False: its parameters stay as they are, and a batch-norm layer normalises with its population statistics. */
  trainable: boolean;
  layer: LayerSpec;
}

/** How `LayerNode.inputs` call the network's input; no layer may have this name. */
export const INPUT_NAME = "input";

/** A network: what `network` and `readKerasJson` return. */
export interface NetworkSpec {
  /** Of one sample: [height, width, channels], [features], or any other of one to three sides. */
  inputShape: readonly number[];
  /** Each after its inputs; the last one is the output. */
  layers: readonly LayerNode[];
}
