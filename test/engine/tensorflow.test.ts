// The tensorflow engine in the conformance suite.
import { openTensorFlow } from "../../src/shared/engine/tensorflow/engine.js";
import { loadTensorFlow } from "../../src/shared/engine/tensorflow/tensorflow.js";
import { describeConformance } from "./conformance.js";

const THREADS = 2;

describeConformance({
  name: "tensorflow",
  open: () => openTensorFlow(THREADS),
  countTensors: () => loadTensorFlow(THREADS).getNumOfTensors(),
});
