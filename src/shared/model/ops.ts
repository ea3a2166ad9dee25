// TensorFlow's ops as nodes of a graph. Attributes and outputs: TensorFlow's op registry (tensorflow/core/ops/nn_ops.cc,
// math_ops.cc, array_ops.cc, training_ops.cc, resource_variable_ops.cc). Tensors are float32, images NHWC, and N, the
// number of samples, is known to the runs alone.
import { type AddedNode, type AttributeValue, DataType, Graph, type Output } from "./graph.js";
import { sizeOf } from "./network.js";
import { Session } from "./session.js";
import type { TensorFlow } from "./tensorflow.js";

export const BATCH_NORM_EPSILON = 1e-5;

type Attributes = Record<string, AttributeValue>;

const FLOAT: Attributes = { T: { type: DataType.float } };
const LAYOUT: Attributes = { padding: { text: "SAME" }, data_format: { text: "NHWC" } };
const CONVOLUTION: Attributes = {
  ...FLOAT,
  ...LAYOUT,
  strides: { integers: [1, 1, 1, 1] },
  dilations: { integers: [1, 1, 1, 1] },
};
const POOL: Attributes = {
  ...FLOAT,
  ...LAYOUT,
  ksize: { integers: [1, 2, 2, 1] },
  strides: { integers: [1, 2, 2, 1] },
};

const ONE_DNN_POOL = "_MklNativeMaxPool";
const ONE_DNN_ATTRIBUTES: Attributes = {
  ...POOL,
  workspace_enabled: { flag: true },
  // By this label TensorFlow finds the kernels that its own rewriting of ops puts in (mkl_op_registry).
  _kernel: { text: "MklNameChangeOp" },
};

/** Mean and biased variance, a value a channel. */
export interface MomentOutputs {
  mean: Output;
  variance: Output;
}

/** A variable of the session that a graph runs in. */
export interface Variable {
  handle: Output;
  /** The present value. */
  value: Output;
  /** Where a new value is fed; `assigned` puts it in place. */
  fed: Output;
  assigned: Output;
}

export class Ops {
  readonly graph: Graph;
  private readonly hasOneDnnPool: boolean;

  /** @param hasOneDnnPool whether the library has oneDNN's kernels for max-pools */
  constructor(graph: Graph, hasOneDnnPool: boolean) {
    this.graph = graph;
    this.hasOneDnnPool = hasOneDnnPool;
  }

  placeholder(name: string, shape: readonly number[], type: DataType = DataType.float): Output {
    const attributes = { dtype: { type }, shape: { shape } };
    return this.one("Placeholder", name, [], attributes, shape);
  }

  /** @param after nodes that must have run before */
  constant(
    name: string,
    values: Float32Array | Int32Array,
    shape: readonly number[] = [],
    after: readonly AddedNode[] = [],
  ): Output {
    const type = values instanceof Float32Array ? DataType.float : DataType.int32;
    const attributes = { dtype: { type }, value: { tensor: { shape, values } } };
    return this.one("Const", name, [], attributes, shape, after);
  }

  /** x [N,H,W,C] with kernel [k,k,C,F] → [N,H,W,F] */
  conv2d(x: Output, kernel: Output): Output {
    const shape = [...x.shape.slice(0, 3), kernel.shape[3]!];
    return this.one("Conv2D", "convolution", [x, kernel], CONVOLUTION, shape);
  }

  conv2dInputGradient(x: Output, kernel: Output, dy: Output): Output {
    const inputs = [this.shapeOf(x), kernel, dy];
    return this.one("Conv2DBackpropInput", "input_gradient", inputs, CONVOLUTION, x.shape);
  }

  conv2dKernelGradient(x: Output, kernel: Output, dy: Output): Output {
    const inputs = [x, this.integers("kernel_shape", kernel.shape), dy];
    return this.one("Conv2DBackpropFilter", "kernel_gradient", inputs, CONVOLUTION, kernel.shape);
  }

  /** 2 × 2, SAME, stride 2. `places` tells `maxPoolGradient` where the largest values were. */
  maxPool(x: Output): { y: Output; places: Output | undefined } {
    const [n, height, width, channels] = x.shape as [number, number, number, number];
    const shape = [n, Math.ceil(height / 2), Math.ceil(width / 2), channels];
    if (!this.hasOneDnnPool) {
      return { y: this.one("MaxPool", "max_pool", [x], POOL, shape), places: undefined };
    }
    const { outputs } = this.graph.add(ONE_DNN_POOL, "max_pool", [x], ONE_DNN_ATTRIBUTES, [
      shape,
      shape,
    ]);
    return { y: outputs[0]!, places: outputs[1]! };
  }

  /**
   * dy goes to the first largest value of each window, the others get 0.
   * TensorFlow's MaxPoolGrad looks for that value again, and takes a sixth of a training step; oneDNN's kernel, which
   * TensorFlow itself takes where it sees both ways in one run, has noted it on the way forward. They give the same bits.
   */
  maxPoolGradient(
    x: Output,
    { y, places }: { y: Output; places: Output | undefined },
    dy: Output,
  ): Output {
    const name = "max_pool_gradient";
    if (!places) return this.one("MaxPoolGrad", name, [x, y, dy], POOL, x.shape);
    return this.one(`${ONE_DNN_POOL}Grad`, name, [x, y, dy, places], ONE_DNN_ATTRIBUTES, x.shape);
  }

  relu(x: Output): Output {
    return this.one("Relu", "relu", [x], FLOAT, x.shape);
  }

  reluGradient(dy: Output, y: Output): Output {
    return this.one("ReluGrad", "relu_gradient", [dy, y], FLOAT, y.shape);
  }

  /** x cut along its first side into as many parts as there are sizes; views of x's memory where their places allow. */
  split(x: Output, sizes: readonly number[]): Output[] {
    const attributes = {
      ...FLOAT,
      Tlen: { type: DataType.int32 },
      num_split: { integer: sizes.length },
    };
    const inputs = [x, this.integers("sizes", sizes), this.constant("side", Int32Array.of(0))];
    const shapes = sizes.map((size) => [size, ...x.shape.slice(1)]);
    return [...this.graph.add("SplitV", "pieces", inputs, attributes, shapes).outputs];
  }

  softmax(x: Output): Output {
    return this.one("Softmax", "softmax", [x], FLOAT, x.shape);
  }

  /** a · b */
  matMul(a: Output, b: Output): Output {
    return this.product(a, b, false);
  }

  /** aᵀ · b */
  transposedMatMul(a: Output, b: Output): Output {
    return this.product(a, b, true);
  }

  /** a · bᵀ, by the batched kernel: MatMul's own takes half as long again for a transposed second factor. */
  matMulTransposed(a: Output, b: Output): Output {
    const attributes = { ...FLOAT, adj_x: { flag: false }, adj_y: { flag: true } };
    const shape = [a.shape[0]!, b.shape[0]!];
    return this.one("BatchMatMulV2", "product", [a, b], attributes, shape);
  }

  biasAdd(x: Output, bias: Output): Output {
    const attributes = { ...FLOAT, data_format: { text: "NHWC" } };
    return this.one("BiasAdd", "sum", [x, bias], attributes, x.shape);
  }

  biasGradient(dy: Output): Output {
    const attributes = { ...FLOAT, data_format: { text: "NHWC" } };
    return this.one("BiasAddGrad", "bias_gradient", [dy], attributes, [dy.shape[1]!]);
  }

  multiply(a: Output, b: Output): Output {
    return this.one("Mul", "product", [a, b], FLOAT, a.shape);
  }

  /** To [N, …sides]. */
  reshape(x: Output, sides: readonly number[]): Output {
    const shape = [-1, ...sides];
    const attributes = { ...FLOAT, Tshape: { type: DataType.int32 } };
    return this.one("Reshape", "reshaped", [x, this.integers("shape", shape)], attributes, shape);
  }

  /**
   * x [N,…,C] → mean and biased variance [C] over all values of a channel.
   * Adding them up one by one in float32, as TensorFlow's fused kernel does, is wrong in the fourth digit over the 39,200
   * values of a convolution of 50 images, most of them the same background. So each pixel's moments are taken over the
   * samples, as products with a row of 1/N, which is the fastest way that TensorFlow has on CPUs (docs/performance.md), and
   * the pixels are pooled in float64 by the formula of `mergedMoments`.
   * @param weights [1,N], all 1/N
   */
  moments(x: Output, weights: Output): MomentOutputs {
    const channels = x.shape.at(-1)!;
    const pixels = sizeOf(x.shape.slice(1, -1));
    const rows = this.reshape(x, [pixels * channels]);
    const means = this.matMul(weights, rows);
    const variances = this.matMul(weights, this.squaredDifference(rows, means, DataType.float));
    const [pixelMeans, pixelVariances] = [means, variances].map((values) =>
      this.cast(this.reshape(values, [channels]), DataType.float, DataType.double),
    ) as [Output, Output];
    const mean = this.rowMean(pixelMeans);
    const between = this.squaredDifference(pixelMeans, mean, DataType.double);
    const attributes = { T: { type: DataType.double } };
    const both = this.one("AddV2", "sum", [pixelVariances, between], attributes, between.shape);
    return {
      mean: this.cast(mean, DataType.double, DataType.float),
      variance: this.cast(this.rowMean(both), DataType.double, DataType.float),
    };
  }

  /** x [N,H,W,C], normalised with the moments given: (x − mean)/√(variance + ε)·scale + beta. */
  normalise(x: Output, moments: MomentOutputs, scale: Output, beta: Output): Output {
    const inputs = [x, scale, beta, moments.mean, moments.variance];
    return this.one("FusedBatchNormV3", "normalised", inputs, batchNorm(false), x.shape);
  }

  /** The way back through `normalise` where the moments were x's own. */
  batchNormGradient(
    dy: Output,
    x: Output,
    scale: Output,
    { mean, variance }: MomentOutputs,
  ): { dx: Output; dScale: Output; dBeta: Output } {
    const none = this.constant("none", new Float32Array(0), [0]);
    const inputs = [dy, x, scale, mean, variance, none];
    const shapes = [x.shape, scale.shape, scale.shape];
    const { outputs } = this.graph.add(
      "FusedBatchNormGradV3",
      "normalised_gradient",
      inputs,
      batchNorm(true),
      shapes,
    );
    const [dx, dScale, dBeta] = outputs as [Output, Output, Output];
    return { dx, dScale, dBeta };
  }

  /** logits [N,C], labels int32 [N] → cross-entropy of each sample, and its gradient by the logits. */
  softmaxCrossEntropy(logits: Output, labels: Output): { losses: Output; dLogits: Output } {
    const { outputs } = this.graph.add(
      "SparseSoftmaxCrossEntropyWithLogits",
      "cross_entropy",
      [logits, labels],
      { ...FLOAT, Tlabels: { type: DataType.int32 } },
      [labels.shape, logits.shape],
    );
    const [losses, dLogits] = outputs as [Output, Output];
    return { losses, dLogits };
  }

  variable(name: string, shape: readonly number[]): Variable {
    const dtype = { dtype: { type: DataType.float } };
    return this.graph.within(name, () => {
      const handle = this.one(
        "VarHandleOp",
        "variable",
        [],
        {
          ...dtype,
          shape: { shape },
          container: { text: "" },
          shared_name: { text: name },
        },
        [],
      );
      const value = this.one("ReadVariableOp", "value", [handle], dtype, shape);
      const fed = this.placeholder("fed", shape);
      const assign = this.graph.add("AssignVariableOp", "assign", [handle, fed], dtype, []);
      return { handle, value, fed, assigned: this.done("assigned", [assign]) };
    });
  }

  /**
   * m ← m + (g − m)(1 − β₁); v ← v + (g² − v)(1 − β₂); θ ← θ − rate·m/(√v + ε), in place.
   * The op would work out the corrected rate itself, in float32; with powers of 0 it takes the one it is given.
   */
  applyAdam(
    { weight, m, v }: { weight: Variable; m: Variable; v: Variable },
    gradient: Output,
    rate: Output,
    constants: { beta1: number; beta2: number; epsilon: number },
  ): AddedNode {
    const { beta1, beta2, epsilon } = constants;
    const scalar = (name: string, value: number) => this.constant(name, Float32Array.of(value));
    const inputs = [
      ...[weight.handle, m.handle, v.handle],
      ...[scalar("power1", 0), scalar("power2", 0), rate],
      ...[scalar("beta1", beta1), scalar("beta2", beta2), scalar("epsilon", epsilon)],
      gradient,
    ];
    return this.graph.add("ResourceApplyAdam", "step", inputs, FLOAT, []);
  }

  /** Something to fetch, so that these nodes are run. */
  done(name: string, nodes: readonly AddedNode[]): Output {
    return this.constant(name, Int32Array.of(0), [], nodes);
  }

  private integers(name: string, values: readonly number[]): Output {
    return this.constant(name, Int32Array.from(values), [values.length]);
  }

  private shapeOf(x: Output): Output {
    const attributes = { ...FLOAT, out_type: { type: DataType.int32 } };
    return this.one("Shape", "shape", [x], attributes, [x.shape.length]);
  }

  private cast(x: Output, from: DataType, to: DataType): Output {
    const attributes = { SrcT: { type: from }, DstT: { type: to } };
    return this.one("Cast", "cast", [x], attributes, x.shape);
  }

  private squaredDifference(a: Output, b: Output, type: DataType): Output {
    return this.one("SquaredDifference", "squares", [a, b], { T: { type } }, a.shape);
  }

  /** Of float64 rows. */
  private rowMean(rows: Output): Output {
    const attributes = {
      T: { type: DataType.double },
      Tidx: { type: DataType.int32 },
      keep_dims: { flag: false },
    };
    return this.one("Mean", "mean", [rows, this.integers("axis", [0])], attributes, [
      rows.shape[1]!,
    ]);
  }

  private product(a: Output, b: Output, isTransposed: boolean): Output {
    const attributes = {
      ...FLOAT,
      transpose_a: { flag: isTransposed },
      transpose_b: { flag: false },
    };
    const shape = [a.shape[isTransposed ? 1 : 0]!, b.shape[1]!];
    return this.one("MatMul", "product", [a, b], attributes, shape);
  }

  private one(
    op: string,
    name: string,
    inputs: readonly Output[],
    attributes: Attributes,
    shape: readonly number[],
    after: readonly AddedNode[] = [],
  ): Output {
    return this.graph.add(op, name, inputs, attributes, [shape], after).outputs[0]!;
  }
}

function batchNorm(isTraining: boolean): Attributes {
  return {
    ...FLOAT,
    U: { type: DataType.float },
    epsilon: { number: BATCH_NORM_EPSILON },
    data_format: { text: "NHWC" },
    is_training: { flag: isTraining },
  };
}

/** Whether this build of the library has oneDNN's kernels for max-pools: not every processor's has. */
export function hasOneDnnPool(tf: TensorFlow): boolean {
  const graph = new Graph();
  const ops = new Ops(graph, true);
  const x = ops.constant("x", new Float32Array(4), [1, 2, 2, 1]);
  const { y } = ops.maxPool(x);
  try {
    const session = new Session(tf, graph);
    session.scope((scope) => scope.run([], [y]));
    session.dispose();
    return true;
  } catch {
    return false;
  }
}
