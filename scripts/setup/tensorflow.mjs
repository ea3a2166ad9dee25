// The native side of tfjs-node: libtensorflow from the tensorflow-cpu wheel, and the package's binding built against it.
// Both lie in the user's cache folder, made in a temporary folder beside their place and renamed into it when whole,
// so a cut-off set-up leaves nothing that counts and two set-ups at once do not disturb each other.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { SetupError, progressOf, say } from "./report.mjs";
import { lastLines, run } from "./run.mjs";

// One wheel for every Python: only the C++ library and the C headers are taken out of it.
const WHEEL = {
  version: "2.21.0",
  python: "3.11",
  platform: "manylinux_2_27_x86_64",
  byteLength: 273_829_956,
  sha256: "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c",
};
const LIBRARIES = {
  "libtensorflow_cc.so.2": 788_086_608,
  "libtensorflow_framework.so.2": 65_222_328,
};
const NAPI_VERSION = 8;
const NEEDED_BYTES = 1.3e9;
const NO_NETWORK_HELP =
  "Is the Python package index within reach? Behind a proxy set HTTPS_PROXY; with a mirror, `pip config set global.index-url URL`.";

const UNPACK_PROGRAM = `
import sys, zipfile
wheel, target = sys.argv[1:]
libraries = {"tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2"}
headers = ("tensorflow/include/tensorflow/c/", "tensorflow/include/tensorflow/core/platform/ctstring",
           "tensorflow/include/tsl/platform/ctstring", "tensorflow/include/xla/tsl/c/")
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name in libraries or name.startswith(headers):
            archive.extract(name, target)
`;

function cacheFolder() {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(base, "tandem");
}

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

/** @param {string} file */
async function sha256Of(file) {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest("hex");
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

/** Bytes of all files below a folder; files that vanish meanwhile do not count. @param {string} folder */
function bytesBelow(folder) {
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      try {
        bytes += statSync(join(entry.parentPath ?? entry.path, entry.name)).size;
      } catch {
        // pip moved it between the listing and the look
      }
    }
  } catch {
    // pip removed a folder while it was listed
  }
  return bytes;
}

/** @param {string} work the temporary folder @returns {Promise<string>} the wheel's path */
async function fetchWheel(work) {
  say(
    `Fetching TensorFlow ${WHEEL.version} for tfjs-node (${Math.round(WHEEL.byteLength / 1e6)} MB, once for all clones) …`,
  );
  const progress = progressOf("fetched", WHEEL.byteLength);
  const timer = setInterval(() => progress(Math.min(bytesBelow(work), WHEEL.byteLength - 1)), 250);
  const result = await run(
    "python3",
    [
      ...["-m", "pip", "download", "--no-deps", "--no-cache-dir", "--disable-pip-version-check"],
      ...["--only-binary=:all:", "--python-version", WHEEL.python, "--implementation", "cp"],
      ...["--platform", WHEEL.platform, "--dest", work, `tensorflow-cpu==${WHEEL.version}`],
    ],
    { env: { ...process.env, TMPDIR: work } },
  );
  clearInterval(timer);
  if (result.code !== 0) {
    throw new SetupError(
      `pip could not fetch tensorflow-cpu ${WHEEL.version}. ${NO_NETWORK_HELP}\n${lastLines(result.output)}`,
    );
  }
  progress(WHEEL.byteLength);
  const name = readdirSync(work).find((entry) => entry.endsWith(".whl"));
  if (name === undefined) throw new SetupError("pip fetched no wheel of tensorflow-cpu.");
  const file = join(work, name);
  const digest = await sha256Of(file);
  if (digest !== WHEEL.sha256) {
    throw new SetupError(
      `The fetched ${name} is not the known one (SHA-256 ${digest}, expected ${WHEEL.sha256}); it was thrown away. Check the package index that pip uses.`,
    );
  }
  return file;
}

/** @param {string} wheel @param {string} work */
async function unpackWheel(wheel, work) {
  say("Unpacking the library …");
  const result = await run("python3", ["-c", UNPACK_PROGRAM, wheel, work]);
  if (result.code !== 0) {
    throw new SetupError(`The wheel could not be unpacked.\n${lastLines(result.output)}`);
  }
  rmSync(wheel);
}

/** @param {string} folder of the unpacked library */
function libraryIsWhole(folder) {
  return Object.entries(LIBRARIES).every(([name, byteLength]) => {
    const file = join(folder, "tensorflow", name);
    return existsSync(file) && statSync(file).size === byteLength;
  });
}

/** Folders of set-ups that ended before their rename. @param {string} cache */
function removeLeftovers(cache) {
  for (const entry of readdirSync(cache)) {
    const pid = /^unfinished-(\d+)$/.exec(entry)?.[1];
    if (pid === undefined) continue;
    try {
      process.kill(Number(pid), 0);
    } catch {
      rmSync(join(cache, entry), { recursive: true, force: true });
    }
  }
}

/**
 * Makes a folder's content apart and renames it into place. Where another set-up was first, its work is taken.
 * @param {string} target
 * @param {(work: string) => boolean} isWhole
 * @param {(work: string) => Promise<void>} make
 */
async function makeOnce(target, isWhole, make) {
  if (isWhole(target)) return;
  const cache = cacheFolder();
  const work = join(cache, `unfinished-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    await make(work);
    if (existsSync(target) && !isWhole(target)) rmSync(target, { recursive: true, force: true });
    try {
      renameSync(work, target);
    } catch (error) {
      if (!isWhole(target)) throw error;
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @param {string} library @param {string} root @param {string} target of the binding */
async function buildBinding(library, root, target) {
  const tfjsNode = join(root, "node_modules/@tensorflow/tfjs-node");
  const isWhole = (/** @type {string} */ folder) => existsSync(join(folder, "tfjs_binding.node"));
  await makeOnce(target, isWhole, async (work) => {
    const compiler = await findCompiler();
    say("Building tfjs-node's binding …");
    const result = await run(compiler, [
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
    ]);
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
