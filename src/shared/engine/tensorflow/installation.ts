// Where `tandem setup` (src/setup) installs the tensorflow engine: Tandem's folder in the user's cache, which all projects and
// clones share. Nothing is written to node_modules, so the engine survives `npm install`, and npm never has to build it.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "../../cache-folder.js";

export { cacheFolder };

/** The wheel with libtensorflow and its C headers. The Python version does not matter, as no Python code is used. */
export const WHEEL = {
  name: "tensorflow-cpu",
  version: "2.21.0",
  python: "3.11",
  platform: "manylinux_2_27_x86_64",
  byteLength: 273_829_956,
  sha256: "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c",
} as const;

/** The libraries in the wheel's folder `tensorflow`, with their sizes in bytes. */
export const LIBRARIES: Readonly<Record<string, number>> = {
  "libtensorflow_cc.so.2": 788_086_608,
  "libtensorflow_framework.so.2": 65_222_328,
};

/** The npm package whose binding is built against them. */
export const TFJS_NODE_VERSION = "4.22.0";
export const BINDING = "tfjs_binding.node";
/** Makes libtensorflow apply its log level while it loads (src/setup/log-level.cc); the binding is linked to it. */
export const LOG_LEVEL = "libtandem_log_level.so";

/** Increase it when src/setup builds a different binding from the same packages, as versions of Tandem share the cache. */
const BINDING_REVISION = 2;

const WHEEL_ID = WHEEL.sha256.slice(0, 12);

/** The wheel's content; its libraries are in the folder `tensorflow` below. */
export function libraryFolder(): string {
  return join(cacheFolder(), `tensorflow-${WHEEL.version}-${WHEEL_ID}`);
}

/** Beside `libraryFolder()`, where the binding looks for the libraries. */
export function bindingFolder(): string {
  return join(cacheFolder(), `binding-${TFJS_NODE_VERSION}-${WHEEL_ID}-r${BINDING_REVISION}`);
}

export function isLibraryComplete(folder: string): boolean {
  return Object.entries(LIBRARIES).every(([name, byteLength]) => {
    const status = statSync(join(folder, "tensorflow", name), { throwIfNoEntry: false });
    return status?.size === byteLength;
  });
}

export function isBindingComplete(folder: string): boolean {
  return [BINDING, LOG_LEVEL].every((name) => existsSync(join(folder, name)));
}

/** Whether this is the wheel's platform. On others Tandem uses the wasm engine. */
export function canInstallTensorFlow(): boolean {
  return process.platform === "linux" && process.arch === "x64";
}

/** Whether `tandem setup` has installed the engine. It may still fail to load. */
export function isTensorFlowInstalled(): boolean {
  return (
    canInstallTensorFlow() &&
    isBindingComplete(bindingFolder()) &&
    isLibraryComplete(libraryFolder())
  );
}
