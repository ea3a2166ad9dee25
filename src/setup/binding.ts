// Builds tfjs-node's binding against the wheel's library. The binding's folder is next to the library's, and the binding finds the
// library by a relative path.
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  BINDING,
  bindingFolder,
  isBindingComplete,
  LIBRARIES,
  libraryFolder,
  LOG_LEVEL,
} from "../shared/engine/tensorflow/installation.js";
import { TandemError } from "../shared/errors.js";
import { createOnce } from "./cache.js";
import { fetchSources } from "./npm-sources.js";
import { lastLines, runProgram } from "./program.js";
import { say } from "./report.js";

const NAPI_VERSION = 8;
const LOG_LEVEL_SOURCE = fileURLToPath(new URL("log-level.cc", import.meta.url));

/** @throws TandemError `setup` */
export async function installBinding(compiler: string): Promise<void> {
  const { tfjsNode, headers } = await fetchSources();
  const library = join(libraryFolder(), "tensorflow");
  await createOnce(bindingFolder(), isBindingComplete, async (folder) => {
    say("Building the binding …");
    const runPath = `-Wl,-rpath,$ORIGIN/../${basename(libraryFolder())}/tensorflow:$ORIGIN`;
    await build(compiler, LOG_LEVEL, [
      ...[LOG_LEVEL_SOURCE, `-L${library}`, "-l:libtensorflow_framework.so.2"],
      ...["-Wl,-z,initfirst", runPath, "-o", join(folder, LOG_LEVEL)],
    ]);
    await build(compiler, BINDING, [
      `-DNAPI_VERSION=${NAPI_VERSION}`,
      ...[`-I${join(headers, "include")}`, `-I${join(library, "include")}`],
      ...["tfjs_backend.cc", "tfjs_binding.cc"].map((name) => join(tfjsNode, "binding", name)),
      // Nothing in the binding calls the log-level library, so a linker could omit it.
      ...["-Wl,--no-as-needed", `-L${folder}`, `-l:${LOG_LEVEL}`, `-L${library}`],
      ...Object.keys(LIBRARIES).map((name) => `-l:${name}`),
      ...[runPath, "-o", join(folder, BINDING)],
    ]);
  });
}

async function build(compiler: string, name: string, args: readonly string[]): Promise<void> {
  const flags = ["-O2", "-std=c++17", "-fPIC", "-shared"];
  const { code, output } = await runProgram(compiler, [...flags, ...args], { label: "building" });
  if (code === 0) return;
  throw new TandemError(
    "setup",
    `${compiler} could not build ${name} (it needs C++17).\n${lastLines(output, 30)}`,
  );
}

/** Whether a fresh process can load the binding. */
export async function bindingLoads(): Promise<boolean> {
  const file = join(bindingFolder(), BINDING);
  const program = `require(${JSON.stringify(file)}).isUsingGpuDevice()`;
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: "3" };
  return (await runProgram(process.execPath, ["-e", program], { env })).code === 0;
}
