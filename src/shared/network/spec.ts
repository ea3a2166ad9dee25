// A network as data, as configurations and checkpoints hold it and workers receive it: plain JSON, independent of how the user
// described it (Keras's JSON, the library, a preset). Pure.

/** SAME and VALID as TensorFlow defines them (tensorflow.org/api_docs/python/tf/nn, "Notes on padding"). */
export type Padding = "same" | "valid";

/** `gelu` is the exact function, `gelu-tanh` its approximation. */
export type ActivationKind =
  "relu" | "relu6" | "leaky-relu" | "elu" | "gelu" | "gelu-tanh" | "silu" | "sigmoid" | "tanh";

/** How a parameter's initial values are drawn. */
export type Initializer =
  | { kind: "constant"; value: number }
  /** Redrawn outside ±2σ. */
  | { kind: "truncated-normal"; mean: number; standardDeviation: number }
  | { kind: "normal"; mean: number; standardDeviation: number }
  | { kind: "uniform"; min: number; max: number }
  /** Keras's VarianceScaling; the Glorot, He and LeCun initializers have this form. */
  | {
      kind: "variance-scaling";
      scale: number;
      mode: "fan-in" | "fan-out" | "fan-average";
      distribution: "truncated-normal" | "normal" | "uniform";
    };

/** The sides of a window, a stride or an image. */
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
  /** The mean of the values inside the image, as in TensorFlow and Keras. */
  | { kind: "average-pool"; poolSize: Sides; strides: Sides; padding: Padding }
  /** [H,W,C] → [C], or [1,1,C] */
  | { kind: "global-average-pool"; keepDimensions: boolean }
  | { kind: "global-max-pool"; keepDimensions: boolean }
  | { kind: "flatten" }
  /** `shape` is that of one sample. */
  | { kind: "reshape"; shape: readonly number[] }
  | { kind: "zero-padding"; top: number; bottom: number; left: number; right: number }
  | { kind: "dropout"; rate: number }
  /** Two or more inputs of the same shape. */
  | { kind: "add" }
  /** Two or more inputs. `axis` counts from 0 among the axes of one sample. */
  | { kind: "concatenate"; axis: number };

/** A layer with its name and its inputs. */
export interface LayerNode {
  /** Unique in the network; the prefix of its parameters' names. */
  name: string;
  /** Names of earlier layers; `INPUT_NAME` for the network's input. */
  inputs: readonly string[];
  /** False: its parameters do not change, and a batch-norm layer normalises with its population statistics. */
  trainable: boolean;
  layer: LayerSpec;
}

/** The name of the network's input in `LayerNode.inputs`; no layer may have it. */
export const INPUT_NAME = "input";

/** A network: what `network` and `readKerasJson` return. */
export interface NetworkSpec {
  /** Of one sample: [height, width, channels], [features], or any other shape of one to three sides. */
  inputShape: readonly number[];
  /** Each after its inputs; the last one is the output. */
  layers: readonly LayerNode[];
}
