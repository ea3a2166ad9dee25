// `npm run setup`: everything that Tandem needs on a fresh clone; a second where all is in place.
// Uses nothing that has to be installed first, because it is what installs.
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "./setup/compile.mjs";
import { checkMnist } from "./setup/mnist.mjs";
import { setUpPackages } from "./setup/packages.mjs";
import { SetupError, say } from "./setup/report.mjs";
import { setUpTensorFlow } from "./setup/tensorflow.mjs";

const OLDEST_NODE = [20, 15];
const root = dirname(dirname(fileURLToPath(import.meta.url)));

export async function setUp() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    throw new SetupError(
      `Node ${process.versions.node} is too old; Tandem needs Node ${OLDEST_NODE.join(".")} or newer.`,
    );
  }
  await setUpPackages(root);
  await Promise.all([setUpTensorFlow(root), compile(root)]);
  checkMnist(root);
}

try {
  await setUp();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`Set-up: ${error.message}`);
  process.exit(1);
}
