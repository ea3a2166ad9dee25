// TensorFlow's kernels by name. tfjs differentiates batch normalisation as a long chain of element-wise ops; calling the
// fused forward and backward kernels directly is more than twice as fast. Attributes and outputs: TensorFlow's op registry
// (tensorflow/core/ops/nn_ops.cc, math_ops.cc, training_ops.cc, resource_variable_ops.cc).
import { type Attribute, Kernels } from "./kernels.js";
import type { Tensor, TensorFlow } from "./tensorflow.js";
import { Variable } from "./variable.js";

export const BATCH_NORM_EPSILON = 1e-5;

/**
 * The kernels that the network uses. Tensors are float32, images NHWC. Outputs belong to the caller's `tidy`.
 */
export class Ops extends Kernels {
  private readonly convolution: Attribute[];
  private readonly pool: Attribute[];
  private readonly blocks: Attribute[];
  private readonly corners: Attribute[];
  private readonly fourParts: Attribute[];
  private readonly equal: Attribute[];
  private readonly normTraining: Attribute[];
  private readonly normInference: Attribute[];
  private readonly none: Tensor;
  private variableCount = 0;

  constructor(tf: TensorFlow) {
    super(tf);
    const layout = [this.text("padding", "SAME"), this.text("data_format", "NHWC")];
    this.convolution = [
      this.float,
      this.integers("strides", [1, 1, 1, 1]),
      this.integers("dilations", [1, 1, 1, 1]),
      this.flag("use_cudnn_on_gpu", true),
      ...layout,
    ];
    this.pool = [
      this.float,
      this.integers("ksize", [1, 2, 2, 1]),
      this.integers("strides", [1, 2, 2, 1]),
      ...layout,
    ];
    this.blocks = [
      this.float,
      this.attribute("block_size", "TF_ATTR_INT", 2),
      this.text("data_format", "NHWC"),
    ];
    this.corners = [this.float, this.attribute("num_split", "TF_ATTR_INT", 4)];
    this.fourParts = [
      this.float,
      this.attribute("N", "TF_ATTR_INT", 4),
      this.attribute("Tidx", "TF_ATTR_TYPE", this.int32),
    ];
    this.equal = [this.float, this.flag("incompatible_shape_error", true)];
    const norm = (isTraining: boolean) => [
      this.float,
      this.type("U"),
      this.attribute("epsilon", "TF_ATTR_FLOAT", BATCH_NORM_EPSILON),
      this.text("data_format", "NHWC"),
      this.flag("is_training", isTraining),
    ];
    this.normTraining = norm(true);
    this.normInference = norm(false);
    this.none = tf.keep(tf.tensor1d([], "float32"));
  }

  /** x [N,H,W,C] with kernel [k,k,C,F] → [N,H,W,F] */
  conv2d(x: Tensor, kernel: Tensor): Tensor {
    return this.one("Conv2D", this.convolution, [x, kernel]);
  }

  conv2dInputGradient(inputShape: number[], kernel: Tensor, dy: Tensor): Tensor {
    const shape = this.tf.tensor1d(inputShape, "int32");
    return this.one("Conv2DBackpropInput", this.convolution, [shape, kernel, dy]);
  }

  conv2dKernelGradient(x: Tensor, kernelShape: number[], dy: Tensor): Tensor {
    const shape = this.tf.tensor1d(kernelShape, "int32");
    return this.one("Conv2DBackpropFilter", this.convolution, [x, shape, dy]);
  }

  maxPool(x: Tensor): Tensor {
    return this.one("MaxPool", this.pool, [x]);
  }

  /**
   * dy goes to the first largest value of each window, the others get 0.
   * TensorFlow's MaxPoolGrad looks for that value again, on one thread, and takes a sixth of a training step. Where the
   * windows divide the image evenly, a few whole-tensor ops do the same in a quarter of the time, bit for bit.
   */
  maxPoolGradient(x: Tensor, y: Tensor, dy: Tensor): Tensor {
    const [, height, width] = x.shape as [number, number, number, number];
    if (height % 2 === 1 || width % 2 === 1) {
      return this.one("MaxPoolGrad", this.pool, [x, y, dy]);
    }
    const { tf } = this;
    const lastAxis = tf.scalar(3, "int32");
    const blocks = this.one("SpaceToDepth", this.blocks, [x]);
    const corners = this.execute("Split", this.corners, [lastAxis, blocks], 4);
    const zeros = this.one("ZerosLike", [this.float], [dy]);
    const select = (where: Tensor, yes: Tensor, no: Tensor) =>
      this.one("Select", [this.float], [where, yes, no]);
    const gradients: Tensor[] = [];
    let rest = dy;
    for (const corner of corners.slice(0, 3)) {
      const isLargest = this.one("Equal", this.equal, [corner, y]);
      gradients.push(select(isLargest, rest, zeros));
      rest = select(isLargest, zeros, rest);
    }
    gradients.push(rest);
    const joined = this.one("ConcatV2", this.fourParts, [...gradients, lastAxis]);
    return this.one("DepthToSpace", this.blocks, [joined]);
  }

  relu(x: Tensor): Tensor {
    return this.one("Relu", [this.float], [x]);
  }

  reluGradient(dy: Tensor, y: Tensor): Tensor {
    return this.one("ReluGrad", [this.float], [dy, y]);
  }

  /** a · b */
  matMul(a: Tensor, b: Tensor): Tensor {
    return this.product(a, b, false);
  }

  /** aᵀ · b */
  transposedMatMul(a: Tensor, b: Tensor): Tensor {
    return this.product(a, b, true);
  }

  /** a · bᵀ, by the batched kernel: MatMul's own takes half as long again for a transposed second factor. */
  matMulTransposed(a: Tensor, b: Tensor): Tensor {
    const transposes = [this.flag("adj_x", false), this.flag("adj_y", true)];
    return this.one("BatchMatMulV2", [this.float, ...transposes], [a, b]);
  }

  biasAdd(x: Tensor, bias: Tensor): Tensor {
    return this.one("BiasAdd", [this.float, this.text("data_format", "NHWC")], [x, bias]);
  }

  biasGradient(dy: Tensor): Tensor {
    return this.one("BiasAddGrad", [this.float, this.text("data_format", "NHWC")], [dy]);
  }

  scale(x: Tensor, factor: number): Tensor {
    return this.one("Mul", [this.float], [x, this.tf.scalar(factor)]);
  }

  /** x [N,H,W,C] → mean and biased variance over N, H and W. */
  moments(x: Tensor): { mean: Tensor; variance: Tensor } {
    const ones = this.tf.ones([x.shape[3]!]);
    const zeros = this.tf.zeros([x.shape[3]!]);
    const outputs = this.execute(
      "FusedBatchNormV3",
      this.normTraining,
      [x, ones, zeros, this.none, this.none],
      6,
    );
    return { mean: outputs[3]!, variance: outputs[4]! };
  }

  /** x [N,H,W,C], normalised with the moments given: (x − mean)/√(variance + ε)·scale + beta. */
  normalise(x: Tensor, moments: { mean: Tensor; variance: Tensor }, scale: Tensor, beta: Tensor) {
    const inputs = [x, scale, beta, moments.mean, moments.variance];
    return this.execute("FusedBatchNormV3", this.normInference, inputs, 6)[0]!;
  }

  /** The way back through `normalise` where the moments were x's own. */
  batchNormGradient(
    dy: Tensor,
    x: Tensor,
    scale: Tensor,
    { mean, variance }: { mean: Tensor; variance: Tensor },
  ): { dx: Tensor; dScale: Tensor; dBeta: Tensor } {
    const outputs = this.execute(
      "FusedBatchNormGradV3",
      this.normTraining,
      [dy, x, scale, mean, variance, this.none],
      5,
    );
    const [dx, dScale, dBeta] = outputs as [Tensor, Tensor, Tensor];
    return { dx, dScale, dBeta };
  }

  /** logits [N,C], labels int32 [N] → cross-entropy of each sample, and its gradient by the logits. */
  softmaxCrossEntropy(logits: Tensor, labels: Tensor): { losses: Tensor; dLogits: Tensor } {
    const attributes = [this.float, this.attribute("Tlabels", "TF_ATTR_TYPE", this.int32)];
    const outputs = this.execute(
      "SparseSoftmaxCrossEntropyWithLogits",
      attributes,
      [logits, labels],
      2,
    );
    const [losses, dLogits] = outputs as [Tensor, Tensor];
    return { losses, dLogits };
  }

  /** A variable that TensorFlow keeps and changes in place. */
  variable(shape: number[], values: Float32Array): Variable {
    const name = `tandem/${this.variableCount++}`;
    const handle = this.one(
      "VarHandleOp",
      [
        this.text("container", ""),
        this.text("shared_name", name),
        this.type("dtype"),
        this.attribute("shape", "TF_ATTR_SHAPE", shape),
      ],
      [],
    );
    const variable = new Variable(this, shape, this.tf.keep(handle));
    variable.assign(values);
    return variable;
  }

  readVariable(handle: Tensor): Tensor {
    return this.one("ReadVariableOp", [this.type("dtype")], [handle]);
  }

  assignVariable(handle: Tensor, value: Tensor): void {
    this.execute("AssignVariableOp", [this.type("dtype")], [handle, value], 0);
  }

  destroyVariable(handle: Tensor): void {
    this.execute("DestroyResourceOp", [this.flag("ignore_lookup_error", true)], [handle], 0);
  }

  /**
   * m ← m + (g − m)(1 − β₁); v ← v + (g² − v)(1 − β₂); θ ← θ − rate·m/(√v + ε), in place.
   * The op would work out the corrected rate itself, in float32; with powers of 0 it takes the one it is given.
   */
  applyAdam(
    variables: { weight: Variable; m: Variable; v: Variable },
    gradient: Tensor,
    rate: number,
    constants: { beta1: number; beta2: number; epsilon: number },
  ): void {
    const numbers = [0, 0, rate, constants.beta1, constants.beta2, constants.epsilon];
    const scalars = numbers.map((value) => this.tf.scalar(value));
    const { weight, m, v } = variables;
    this.execute(
      "ResourceApplyAdam",
      [this.float, this.flag("use_locking", false), this.flag("use_nesterov", false)],
      [weight.handle, m.handle, v.handle, ...scalars, gradient],
      0,
    );
  }

  private product(a: Tensor, b: Tensor, transposeA: boolean): Tensor {
    const transposes = [this.flag("transpose_a", transposeA), this.flag("transpose_b", false)];
    return this.one("MatMul", [this.float, ...transposes], [a, b]);
  }
}
