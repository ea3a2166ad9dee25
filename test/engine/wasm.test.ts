// The wasm engine in the conformance suite.
import { openWasm } from "../../src/shared/engine/wasm/engine.js";
import { loadKernels } from "../../src/shared/engine/wasm/load-kernels.js";
import { describeConformance } from "./conformance/index.js";

const engine = openWasm(loadKernels());

describeConformance({
  name: "wasm",
  open: () => engine,
  countTensors: () =>
    [...engine.sessions].reduce((count, { tensorCount }) => count + tensorCount, 0),
});
