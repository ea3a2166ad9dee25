// Checks whether the tensorflow engine can be installed on this machine, before anything is downloaded. The error names everything
// that is missing.
import { statfsSync } from "node:fs";
import { cacheFolder, canInstallTensorFlow } from "../shared/engine/tensorflow/installation.js";
import { TandemError } from "../shared/errors.js";
import { runProgram } from "./program.js";

/** While the wheel is being unpacked, both the wheel and its contents are on the disk. */
const REQUIRED_BYTES = 1.3e9;
/** From the wheel's platform tag. */
const OLDEST_GLIBC = [2, 27] as const;

/** @throws TandemError `setup` if there is no library for this platform */
export function checkPlatform(): void {
  if (!canInstallTensorFlow()) {
    throw new TandemError(
      "setup",
      `The tensorflow engine can be installed on Linux x64 only; this is ${process.platform} ${process.arch}. Tandem works here with the wasm engine.`,
    );
  }
  const version = glibcVersion();
  const [major = 0, minor = 0] = version?.split(".").map(Number) ?? [];
  const [oldestMajor, oldestMinor] = OLDEST_GLIBC;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new TandemError(
    "setup",
    `The tensorflow engine needs glibc ${OLDEST_GLIBC.join(".")} or newer; this system has ${version === undefined ? "another C library" : `glibc ${version}`}. Tandem works here with the wasm engine.`,
  );
}

/** @returns undefined for other C libraries, such as musl */
function glibcVersion(): string | undefined {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime;
}

/**
 * @param needsLibrary whether TensorFlow's library is still to be downloaded
 * @returns the C++ compiler
 * @throws TandemError `setup` that names everything that is missing
 */
export async function checkRequirements(needsLibrary: boolean): Promise<string> {
  const missing: string[] = [];
  const compiler = await findCompiler();
  if (compiler === undefined) missing.push("a C++ compiler (for example: sudo apt install g++)");
  if (!(await succeeds("python3", "--version"))) {
    missing.push("python3 with pip (for example: sudo apt install python3 python3-pip)");
  } else if (needsLibrary && !(await succeeds("python3", "-m", "pip", "--version"))) {
    missing.push("pip for python3 (for example: sudo apt install python3-pip)");
  }
  if (!(await succeeds("npm", "--version"))) missing.push("npm");
  if (needsLibrary) missing.push(...missingSpace());
  if (compiler !== undefined && missing.length === 0) return compiler;
  throw new TandemError(
    "setup",
    `The tensorflow engine cannot be installed: this machine lacks ${missing.join("; and ")}.`,
  );
}

/** Uses the compiler in the environment variable `CXX` if it is set, as build tools usually do. */
async function findCompiler(): Promise<string | undefined> {
  const own = process.env["CXX"] ?? "";
  for (const candidate of own === "" ? ["c++", "g++", "clang++"] : [own]) {
    if (await succeeds(candidate, "--version")) return candidate;
  }
  return undefined;
}

async function succeeds(program: string, ...args: string[]): Promise<boolean> {
  return (await runProgram(program, args)).code === 0;
}

function missingSpace(): string[] {
  const folder = cacheFolder();
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= REQUIRED_BYTES) return [];
  const freeMegabytes = Math.floor((bavail * bsize) / 1e6);
  return [
    `disk space in ${folder} (${REQUIRED_BYTES / 1e6} MB while the library is unpacked, ${freeMegabytes} MB are free; XDG_CACHE_HOME can name a folder on another disk)`,
  ];
}
