// The native side of tfjs-node: libtensorflow from the tensorflow-cpu wheel, and the package's binding built against it.
// Both lie in the user's cache folder (cache.mjs).
import { createHash } from "node:crypto";
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
import { fileURLToPath } from "node:url";
import { cacheFolder, makeOnce, removeLeftovers } from "./cache.mjs";
import { say, SetupError } from "./report.mjs";
import { lastLines, run } from "./run.mjs";
import { fetchWheel, LIBRARIES, libraryIsWhole, unpackWheel, WHEEL } from "./wheel.mjs";

const NAPI_VERSION = 8;
const BINDING = "tfjs_binding.node";
/** Makes libtensorflow heed its log level while it loads; the binding is linked to it. */
const LOG_LEVEL = "libtandem_log_level.so";
const LOG_LEVEL_SOURCE = fileURLToPath(new URL("log-level.cc", import.meta.url));
const NEEDED_BYTES = 1.3e9;

/** Where tfjs-node looks for its binding. @param {string} root */
function packageFolder(root) {
  return join(root, "node_modules/@tensorflow/tfjs-node/lib/napi-v8");
}

/** Another source is another binding: set-ups of different versions share the cache. */
function logLevelDigest() {
  return createHash("sha256").update(readFileSync(LOG_LEVEL_SOURCE)).digest("hex").slice(0, 12);
}

/**
 * True where the package holds the binding that this set-up makes: one of an earlier version loads as well.
 * @param {string} root @param {string} binding
 */
function isLinked(root, binding) {
  return [BINDING, LOG_LEVEL].every((name) => {
    const [installed, built] = [join(packageFolder(root), name), join(binding, name)];
    return (
      existsSync(installed) &&
      existsSync(built) &&
      readFileSync(installed).equals(readFileSync(built))
    );
  });
}

/**
 * True where a fresh process can load tfjs-node's binding; the whole package is not loaded, to stay within a second.
 * @param {string} root
 */
async function bindingLoads(root) {
  const binding = join(packageFolder(root), BINDING);
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

/** @param {string} compiler @param {string[]} args @param {string} what @param {string} [label] */
async function compileNative(compiler, args, what, label) {
  const flags = ["-O2", "-std=c++17", "-fPIC", "-shared"];
  const result = await run(compiler, [...flags, ...args], label === undefined ? {} : { label });
  if (result.code !== 0) {
    throw new SetupError(
      `${compiler} could not build ${what} (it needs C++17).\n${lastLines(result.output, 30)}`,
    );
  }
}

/** @param {string} library @param {string} root @param {string} target of the binding */
async function buildBinding(library, root, target) {
  const source = join(root, "node_modules/@tensorflow/tfjs-node/binding");
  const isWhole = (/** @type {string} */ folder) =>
    [BINDING, LOG_LEVEL].every((name) => existsSync(join(folder, name)));
  await makeOnce(target, isWhole, async (work) => {
    const compiler = await findCompiler();
    say("Building tfjs-node's binding …");
    const tensorFlow = `-L${join(library, "tensorflow")}`;
    // Both lie in the package's lib/napi-v8 in the end.
    const runPath = "-Wl,-rpath,$ORIGIN/../../deps/lib:$ORIGIN";
    const logLevelArgs = [
      ...[LOG_LEVEL_SOURCE, tensorFlow, "-l:libtensorflow_framework.so.2"],
      ...["-Wl,-z,initfirst", runPath, "-o", join(work, LOG_LEVEL)],
    ];
    await compileNative(compiler, logLevelArgs, LOG_LEVEL);
    const bindingArgs = [
      `-DNAPI_VERSION=${NAPI_VERSION}`,
      // The Node-API is the same from Node 20 to 24, so its own headers serve where Node's are not installed.
      `-I${join(root, "node_modules/node-api-headers/include")}`,
      `-I${join(library, "tensorflow/include")}`,
      join(source, "tfjs_backend.cc"),
      join(source, "tfjs_binding.cc"),
      // Nothing in the binding calls it, so a linker could leave it out.
      ...["-Wl,--no-as-needed", `-L${work}`, `-l:${LOG_LEVEL}`, tensorFlow],
      ...Object.keys(LIBRARIES).map((name) => `-l:${name}`),
      ...[runPath, "-o", join(work, BINDING)],
    ];
    await compileNative(compiler, bindingArgs, "tfjs-node's binding", "building");
  });
}

/** @param {string} library @param {string} binding @param {string} root */
function linkIntoPackage(library, binding, root) {
  const tfjsNode = join(root, "node_modules/@tensorflow/tfjs-node");
  const libraryLink = join(tfjsNode, "deps/lib");
  mkdirSync(join(tfjsNode, "deps"), { recursive: true });
  rmSync(libraryLink, { recursive: true, force: true });
  symlinkSync(join(library, "tensorflow"), libraryLink);
  mkdirSync(packageFolder(root), { recursive: true });
  for (const name of [BINDING, LOG_LEVEL]) {
    const target = join(packageFolder(root), name);
    // Removed first: written in place, it would change under a process that has loaded it, and in every folder that
    // shares the file by a hard link.
    rmSync(target, { force: true });
    copyFileSync(join(binding, name), target);
  }
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
  if (process.platform !== "linux" || process.arch !== "x64") {
    if (!(await bindingLoads(root))) await tryOwnInstaller(root);
    return;
  }
  const cache = cacheFolder();
  const tfjsNode = join(root, "node_modules/@tensorflow/tfjs-node");
  const { version } = JSON.parse(readFileSync(join(tfjsNode, "package.json"), "utf8"));
  const wheel = WHEEL.sha256.slice(0, 12);
  const binding = join(cache, `binding-${version}-${wheel}-${logLevelDigest()}`);
  if (isLinked(root, binding) && (await bindingLoads(root))) return;
  try {
    mkdirSync(cache, { recursive: true });
  } catch (error) {
    throw new SetupError(
      `The cache folder ${cache} cannot be made (${error instanceof Error ? error.message : error}). Set XDG_CACHE_HOME to a folder that can be written.`,
    );
  }
  removeLeftovers(cache);
  const library = join(cache, `tensorflow-${WHEEL.version}-${wheel}`);
  await findCompiler();
  await makeOnce(library, libraryIsWhole, async (work) => {
    await checkPython();
    checkDiskSpace(cache);
    await unpackWheel(await fetchWheel(work), work);
    if (!libraryIsWhole(work)) throw new SetupError("The wheel does not hold the known library.");
  });
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
