// TensorFlow's kernels by name. tfjs differentiates batch normalisation as a long chain of element-wise ops; calling the
// fused forward and backward kernels directly is more than twice as fast. Attributes and outputs: TensorFlow's op registry
// (tensorflow/core/ops/nn_ops.cc, math_ops.cc, training_ops.cc, resource_variable_ops.cc).
import { type Attribute, Kernels, type SummaryWriter } from "./kernels.js";
import type { Tensor, TensorFlow } from "./tensorflow.js";
import { Variable } from "./variable.js";

export const BATCH_NORM_EPSILON = 1e-5;

/**
 * The kernels that the network uses. Tensors are float32, images NHWC. Outputs belong to the caller's `tidy`.
 */
export class Ops extends Kernels {
  private readonly convolution: Attribute[];
  private readonly pool: Attribute[];
  private readonly oneDnnPool: Attribute[];
  private readonly hasOneDnn: boolean;
  private readonly normTraining: Attribute[];
  private readonly normInference: Attribute[];
  private readonly none: Tensor;
  private readonly constants = new Map<number, Tensor>();
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
    this.oneDnnPool = [
      ...this.pool,
      this.flag("workspace_enabled", true),
      // By this label TensorFlow finds the kernels that its own rewriting of ops puts in (mkl_op_registry).
      this.text("_kernel", "MklNameChangeOp"),
    ];
    this.hasOneDnn = this.canRun("_MklNativeMaxPool", this.oneDnnPool, tf.ones([1, 2, 2, 1]), 2);
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

  /** 2 × 2, SAME, stride 2. `places` tells `maxPoolGradient` where the largest values were. */
  maxPool(x: Tensor): { y: Tensor; places: Tensor | undefined } {
    if (!this.hasOneDnn) return { y: this.one("MaxPool", this.pool, [x]), places: undefined };
    const [y, places] = this.execute("_MklNativeMaxPool", this.oneDnnPool, [x], 2);
    return { y: y!, places };
  }

  /**
   * dy goes to the first largest value of each window, the others get 0.
   * TensorFlow's MaxPoolGrad looks for that value again, and takes a sixth of a training step; oneDNN's kernel, which
   * TensorFlow itself takes in graphs, has noted it on the way forward. They give the same bits.
   */
  maxPoolGradient(x: Tensor, { y, places }: { y: Tensor; places: Tensor | undefined }, dy: Tensor) {
    return places
      ? this.one("_MklNativeMaxPoolGrad", this.oneDnnPool, [x, y, dy, places])
      : this.one("MaxPoolGrad", this.pool, [x, y, dy]);
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
    return this.one("Mul", [this.float], [x, this.constant(factor)]);
  }

  /**
   * x [N,C] → mean and biased variance [C] over the rows. The sums are products with a row of ones, which is the fastest
   * way that TensorFlow has on CPUs (docs/performance.md).
   */
  moments(x: Tensor): { mean: Tensor; variance: Tensor } {
    const rows = x.shape[0];
    const weights = this.tf.fill([1, rows], 1 / rows);
    const mean = this.matMul(weights, x);
    const squares = this.one("SquaredDifference", [this.float], [x, mean]);
    return { mean, variance: this.matMul(weights, squares) };
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
    const { beta1, beta2, epsilon } = constants;
    const [zero, first, second, small] = [0, beta1, beta2, epsilon].map((value) =>
      this.constant(value),
    ) as [Tensor, Tensor, Tensor, Tensor];
    const scalars = [zero, zero, this.tf.scalar(rate), first, second, small];
    const { weight, m, v } = variables;
    this.execute(
      "ResourceApplyAdam",
      [this.float, this.flag("use_locking", false), this.flag("use_nesterov", false)],
      [weight.handle, m.handle, v.handle, ...scalars, gradient],
      0,
    );
  }

  /** In 30 buckets at most, as TensorFlow chooses them. */
  writeHistogram(writer: SummaryWriter, step: number, name: string, values: Float32Array): void {
    const { tf } = this;
    this.writeSummary("WriteHistogramSummary", [this.float], writer, step, () => [
      tf.scalar(name, "string"),
      tf.tensor1d(values),
    ]);
  }

  /** @param graph a serialised GraphDef */
  writeGraph(writer: SummaryWriter, graph: Uint8Array): void {
    // tfjs takes bytes for a string; its types do not know it.
    const bytes = graph as unknown as string;
    this.writeSummary("WriteGraphSummary", [], writer, 0, () => [this.tf.scalar(bytes, "string")]);
  }

  /** A scalar that is made once: for the few that come again and again. */
  private constant(value: number): Tensor {
    let scalar = this.constants.get(value);
    if (!scalar) {
      scalar = this.tf.keep(this.tf.scalar(value));
      this.constants.set(value, scalar);
    }
    return scalar;
  }

  /** Not every build of the library has every kernel. */
  private canRun(name: string, attributes: Attribute[], input: Tensor, outputs: number): boolean {
    try {
      this.tidy(() => void this.execute(name, attributes, [input], outputs));
      return true;
    } catch {
      return false;
    }
  }

  private product(a: Tensor, b: Tensor, transposeA: boolean): Tensor {
    const transposes = [this.flag("transpose_a", transposeA), this.flag("transpose_b", false)];
    return this.one("MatMul", [this.float, ...transposes], [a, b]);
  }
}
