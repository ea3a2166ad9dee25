// The tensorflow-cpu wheel, which holds libtensorflow and the C headers: fetched with pip, checked, unpacked.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { progressOf, say, SetupError } from "./report.mjs";
import { lastLines, run } from "./run.mjs";

// One wheel for every Python: only the C++ library and the C headers are taken out of it.
export const WHEEL = {
  version: "2.21.0",
  python: "3.11",
  platform: "manylinux_2_27_x86_64",
  byteLength: 273_829_956,
  sha256: "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c",
};
export const LIBRARIES = {
  "libtensorflow_cc.so.2": 788_086_608,
  "libtensorflow_framework.so.2": 65_222_328,
};
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

/** @param {string} file */
async function sha256Of(file) {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest("hex");
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
export async function fetchWheel(work) {
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
export async function unpackWheel(wheel, work) {
  say("Unpacking the library …");
  const result = await run("python3", ["-c", UNPACK_PROGRAM, wheel, work], {
    label: "unpacking",
  });
  if (result.code !== 0) {
    throw new SetupError(`The wheel could not be unpacked.\n${lastLines(result.output)}`);
  }
  rmSync(wheel);
}

/** @param {string} folder of the unpacked library */
export function libraryIsWhole(folder) {
  return Object.entries(LIBRARIES).every(([name, byteLength]) => {
    const file = join(folder, "tensorflow", name);
    return existsSync(file) && statSync(file).size === byteLength;
  });
}
