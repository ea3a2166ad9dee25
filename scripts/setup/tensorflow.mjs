// The native side of tfjs-node: libtensorflow from the tensorflow-cpu wheel, and the package's binding built against it.
// Both lie in the user's cache folder (cache.mjs).
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cacheFolder, makeOnce, removeLeftovers } from "./cache.mjs";
import { say, SetupError } from "./report.mjs";
import { lastLines, run } from "./run.mjs";
import { fetchWheel, LIBRARIES, libraryIsWhole, unpackWheel, WHEEL } from "./wheel.mjs";

const NAPI_VERSION = 8;
const NEEDED_BYTES = 1.3e9;

/**
 * True where a fresh process can load tfjs-node's binding; the whole package is not loaded, to stay within a second.
 * @param {string} root
 */
async function bindingLoads(root) {
  const binding = join(root, "node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node");
  if (!existsSync(binding)) return false;
  const program = `require(${JSON.stringify(binding)}).isUsingGpuDevice()`;
  const result = await run(process.execPath, ["-e", program], {
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "3" },
  });
  return result.code === 0;
}

async function checkPython() {
  if ((await run("python3", ["--version"])).code !== 0) {
    throw new SetupError(
      "python3 is missing; it fetches and unpacks TensorFlow's library. Install it, for example: sudo apt install python3 python3-pip",
    );
  }
  if ((await run("python3", ["-m", "pip", "--version"])).code !== 0) {
    throw new SetupError(
      "pip for python3 is missing; it fetches TensorFlow's library. Install it, for example: sudo apt install python3-pip",
    );
  }
}

async function findCompiler() {
  const candidates = process.env.CXX ? [process.env.CXX] : ["c++", "g++", "clang++"];
  for (const candidate of candidates) {
    if ((await run(candidate, ["--version"])).code === 0) return candidate;
  }
  throw new SetupError(
    `A C++ compiler is missing (tried ${candidates.join(", ")}); it builds tfjs-node's binding. Install one, for example: sudo apt install g++`,
  );
}

/** @param {string} folder */
function checkDiskSpace(folder) {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < NEEDED_BYTES) {
    const freeMb = Math.floor((bavail * bsize) / 1e6);
    throw new SetupError(
      `Not enough disk space in ${folder}: TensorFlow's library needs ${NEEDED_BYTES / 1e6} MB while it is unpacked, ${freeMb} MB are free. Make room, or set XDG_CACHE_HOME to a folder on a larger disk.`,
    );
  }
}

/** @param {string} library @param {string} root @param {string} target of the binding */
async function buildBinding(library, root, target) {
  const tfjsNode = join(root, "node_modules/@tensorflow/tfjs-node");
  const isWhole = (/** @type {string} */ folder) => existsSync(join(folder, "tfjs_binding.node"));
  await makeOnce(target, isWhole, async (work) => {
    const compiler = await findCompiler();
    say("Building tfjs-node's binding …");
    const result = await run(
      compiler,
      [
        ...["-O2", "-std=c++17", "-fPIC", "-shared", `-DNAPI_VERSION=${NAPI_VERSION}`],
        // The Node-API is the same from Node 20 to 24, so its own headers serve where Node's are not installed.
        `-I${join(root, "node_modules/node-api-headers/include")}`,
        `-I${join(library, "tensorflow/include")}`,
        join(tfjsNode, "binding/tfjs_backend.cc"),
        join(tfjsNode, "binding/tfjs_binding.cc"),
        `-L${join(library, "tensorflow")}`,
        ...Object.keys(LIBRARIES).map((name) => `-l:${name}`),
        "-Wl,-rpath,$ORIGIN/../../deps/lib",
        ...["-o", join(work, "tfjs_binding.node")],
      ],
      { label: "building" },
    );
    if (result.code !== 0) {
      throw new SetupError(
        `${compiler} could not build tfjs-node's binding (it needs C++17).\n${lastLines(result.output, 30)}`,
      );
    }
  });
}

/** @param {string} library @param {string} binding @param {string} root */
function linkIntoPackage(library, binding, root) {
  const tfjsNode = join(root, "node_modules/@tensorflow/tfjs-node");
  const libraryLink = join(tfjsNode, "deps/lib");
  mkdirSync(join(tfjsNode, "deps"), { recursive: true });
  rmSync(libraryLink, { recursive: true, force: true });
  symlinkSync(join(library, "tensorflow"), libraryLink);
  mkdirSync(join(tfjsNode, "lib/napi-v8"), { recursive: true });
  copyFileSync(join(binding, "tfjs_binding.node"), join(tfjsNode, "lib/napi-v8/tfjs_binding.node"));
}

/** Elsewhere than on Linux x64 no wheel with this library is known: the package's own installer gets its chance. @param {string} root */
async function tryOwnInstaller(root) {
  say(`Running tfjs-node's own installer for ${process.platform} ${process.arch} …`);
  const result = await run("npm", ["rebuild", "@tensorflow/tfjs-node"], { cwd: root });
  if (!(await bindingLoads(root))) {
    throw new SetupError(
      `tfjs-node does not load on ${process.platform} ${process.arch}. Tried: its own installer (npm rebuild @tensorflow/tfjs-node), which ended with code ${result.code}. Tandem's own set-up knows Linux x64 only; a container or a virtual machine with it works.\n${lastLines(result.output)}`,
    );
  }
}

/** @param {string} root */
export async function setUpTensorFlow(root) {
  if (await bindingLoads(root)) return;
  if (process.platform !== "linux" || process.arch !== "x64") {
    await tryOwnInstaller(root);
    return;
  }
  const cache = cacheFolder();
  try {
    mkdirSync(cache, { recursive: true });
  } catch (error) {
    throw new SetupError(
      `The cache folder ${cache} cannot be made (${error instanceof Error ? error.message : error}). Set XDG_CACHE_HOME to a folder that can be written.`,
    );
  }
  removeLeftovers(cache);
  const library = join(cache, `tensorflow-${WHEEL.version}-${WHEEL.sha256.slice(0, 12)}`);
  await findCompiler();
  await makeOnce(library, libraryIsWhole, async (work) => {
    await checkPython();
    checkDiskSpace(cache);
    await unpackWheel(await fetchWheel(work), work);
    if (!libraryIsWhole(work)) throw new SetupError("The wheel does not hold the known library.");
  });
  const tfjsNode = join(root, "node_modules/@tensorflow/tfjs-node");
  const { version } = JSON.parse(readFileSync(join(tfjsNode, "package.json"), "utf8"));
  const binding = join(cache, `binding-${version}-${WHEEL.sha256.slice(0, 12)}`);
  await buildBinding(library, root, binding);
  linkIntoPackage(library, binding, root);
  if (!(await bindingLoads(root))) {
    // A binding built elsewhere against another C library must not fail for ever.
    rmSync(binding, { recursive: true, force: true });
    await buildBinding(library, root, binding);
    linkIntoPackage(library, binding, root);
    if (!(await bindingLoads(root))) {
      throw new SetupError(
        `tfjs-node's binding was built but does not load. glibc 2.27 or newer is needed. See: node -e "require('@tensorflow/tfjs-node')"`,
      );
    }
  }
  writeFileSync(
    join(cache, "README"),
    "Made by Tandem's set-up; may be deleted, and is made again.\n",
  );
}
