// TensorFlow's own writer of TensorBoard's event files, op by op (tensorflow/core/ops/summary_ops.cc).
import { encodeBytes, encodeInteger } from "../../../shared/engine/tensorflow/protobuf.js";
import type { OpAttribute, TensorFlow } from "../../../shared/engine/tensorflow/tensorflow.js";

const MAX_QUEUE = 10;
const FLUSH_MS = 120_000;

/** Fields of tensorflow/core/util/event.proto. */
const EVENT = { wallTime: 1, step: 2, sessionLog: 7 } as const;
const SESSION_LOG = { status: 1, START: 1 } as const;

let writerCount = 0;

export class SummaryWriter {
  private readonly tf: TensorFlow;
  private readonly writer: number;

  /** @param folder is created where it is missing */
  constructor(tf: TensorFlow, folder: string) {
    this.tf = tf;
    // Writers of one name would share a file, and one that replaces a failed writer needs a file of its own.
    const writerNumber = ++writerCount;
    const attributes = [
      { name: "shared_name", type: tf.TF_ATTR_STRING, value: `tandem:${writerNumber}:${folder}` },
      { name: "container", type: tf.TF_ATTR_STRING, value: "" },
    ];
    const [writer] = tf.executeOp("SummaryWriter", attributes, [], 1);
    this.writer = writer!.id;
    const inputs = [
      this.text(folder),
      this.int32(MAX_QUEUE),
      this.int32(FLUSH_MS),
      this.text(writerNumber === 1 ? ".v2" : `.v2.${writerNumber}`),
    ];
    this.execute("CreateSummaryFileWriter", [], inputs);
  }

  scalar(tag: string, value: number, step: number): void {
    const values = this.tf.createTensor([], this.tf.TF_FLOAT, Float32Array.of(value));
    this.execute("WriteScalarSummary", [this.float], [this.int64(step), this.text(tag), values]);
  }

  /** In 30 buckets at most, as TensorFlow chooses them. */
  histogram(tag: string, values: Float32Array, step: number): void {
    const tensor = this.tf.createTensor([values.length], this.tf.TF_FLOAT, values);
    this.execute("WriteHistogramSummary", [this.float], [this.int64(step), this.text(tag), tensor]);
  }

  /** @param graph a serialised GraphDef */
  graph(graph: Uint8Array): void {
    const tensor = this.tf.createTensor([], this.tf.TF_STRING, [graph]);
    this.execute("WriteGraphSummary", [], [this.int64(0), tensor]);
  }

  /**
   * Marks the start of training at this step. TensorBoard then drops what it has read of this and later steps: a resumed run
   * repeats them.
   */
  start(step: number): void {
    const wallTime = new DataView(new ArrayBuffer(9));
    wallTime.setUint8(0, (EVENT.wallTime << 3) | 1);
    wallTime.setFloat64(1, Date.now() / 1000, true);
    const event = Buffer.concat([
      new Uint8Array(wallTime.buffer),
      encodeInteger(EVENT.step, step),
      encodeBytes(EVENT.sessionLog, encodeInteger(SESSION_LOG.status, SESSION_LOG.START)),
    ]);
    this.execute("ImportEvent", [], [this.tf.createTensor([], this.tf.TF_STRING, [event])]);
  }

  flush(): void {
    this.execute("FlushSummaryWriter", [], []);
  }

  /** Flushes, and closes the file. */
  close(): void {
    this.execute("CloseSummaryWriter", [], []);
  }

  /** @param inputs besides the writer; they are freed */
  private execute(op: string, attributes: OpAttribute[], inputs: number[]): void {
    try {
      this.tf.executeOp(op, attributes, [this.writer, ...inputs], 0);
    } finally {
      for (const id of inputs) this.tf.deleteTensor(id);
    }
  }

  private get float(): OpAttribute {
    return { name: "T", type: this.tf.TF_ATTR_TYPE, value: this.tf.TF_FLOAT };
  }

  private text(value: string): number {
    return this.tf.createTensor([], this.tf.TF_STRING, [new TextEncoder().encode(value)]);
  }

  private int32(value: number): number {
    return this.tf.createTensor([], this.tf.TF_INT32, Int32Array.of(value));
  }

  /** @param value less than 2³¹; the binding expects the lower and the upper half */
  private int64(value: number): number {
    return this.tf.createTensor([], this.tf.TF_INT64, Int32Array.of(value, 0));
  }
}
