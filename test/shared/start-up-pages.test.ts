// What loading libtensorflow leaves mapped, and that what is mapped anew at a touch is what was there.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadTensorFlow } from "../../src/shared/model/tensorflow.js";

/** MB resident of libtensorflow's files in this process; `own` are pages that the process has written to. */
function libraryMb(): { resident: number; own: number } {
  const mappings = readFileSync("/proc/self/smaps", "latin1").split(/^(?=[0-9a-f]+-)/m);
  const library = mappings.filter((mapping) => mapping.includes("libtensorflow"));
  const sum = (figure: RegExp) =>
    library.reduce((total, mapping) => total + Number(figure.exec(mapping)![1]) / 1024, 0);
  return { resident: sum(/^Rss: +(\d+)/m), own: sum(/^Anonymous: +(\d+)/m) };
}

test.skipIf(process.platform !== "linux")(
  "a loaded library keeps what it has written and little else, and computes",
  () => {
    const tf = loadTensorFlow(1);
    const { resident, own } = libraryMb();
    // 250 MB of it are read while it loads. Its own are the addresses that the dynamic linker has put in.
    expect(own).toBeGreaterThan(5);
    expect(resident - own).toBeLessThan(40);
    const matrix = tf.createTensor([2, 2], tf.TF_FLOAT, Float32Array.of(1, 2, 3, 4));
    const [square] = tf.executeOp("MatMul", [], [matrix, matrix], 1);
    expect([...tf.tensorDataSync(square!.id)]).toEqual([7, 10, 15, 22]);
  },
);
