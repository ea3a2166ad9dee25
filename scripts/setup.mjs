// `npm run setup`: installs everything that Tandem needs in a fresh clone. Takes a second if everything is in place.
// Uses nothing that has to be installed first.
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "./setup/compile.mjs";
import { checkMnist } from "./setup/mnist.mjs";
import { installPackages } from "./setup/packages.mjs";
import { SetupError, say } from "./setup/report.mjs";

const OLDEST_NODE = [20, 15];
const root = dirname(dirname(fileURLToPath(import.meta.url)));

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new SetupError(
    `Node ${process.versions.node} is too old; Tandem needs Node ${OLDEST_NODE.join(".")} or newer.`,
  );
}

/** Optional: without it Tandem works with the wasm engine. */
async function installFastEngine() {
  // It has been compiled by now. `tandem setup` does the same.
  const { installTensorFlow } = await import("../dist/setup/tensorflow.js");
  try {
    await installTensorFlow();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "setup")) throw error;
    say(`${error.message}\nTandem will use the wasm engine, which is slower.`);
  }
}

try {
  checkNode();
  installPackages(root);
  await compile(root);
  checkMnist(root);
  await installFastEngine();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`Set-up: ${error.message}`);
  process.exit(1);
}
