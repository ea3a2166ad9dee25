// Threads of the wasm engine: they share the work of launches, fail loudly, and keep no process alive.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { loadKernels } from "../../src/shared/engine/wasm/load-kernels.js";
import { openWasm } from "../../src/shared/engine/wasm/engine.js";
import { withSharedMemory } from "../../src/shared/engine/wasm/shared-memory.js";
import { ThreadPool } from "../../src/shared/engine/wasm/thread-pool.js";
import { GraphBuilder } from "../../src/shared/graph/builder.js";

/** Runs in its own process, with one thread besides the session's. @param end what it does at its end */
async function runProcess(end: string): Promise<{ code: unknown; output: string }> {
  const folder = new URL("../../dist/shared/", import.meta.url).href;
  const program = `
    const { openWasm } = await import("${folder}engine/wasm/engine.js");
    const { loadKernels } = await import("${folder}engine/wasm/load-kernels.js");
    const { ThreadPool } = await import("${folder}engine/wasm/thread-pool.js");
    const { GraphBuilder } = await import("${folder}graph/builder.js");
    const graph = new GraphBuilder();
    const length = 1_000_000;
    const x = graph.placeholder("x", [-1]);
    const sum = graph.addTensors(x, x);
    const pool = new ThreadPool(2);
    const session = openWasm(loadKernels(), () => pool).open(graph);
    if (!pool.work.awaitStart(1, 30_000)) throw new Error("no thread");
    const values = new Float32Array(length).fill(1.5);
    const [found] = session.scope((scope) =>
      scope.run([[x, scope.tensor([length], values)]], [sum]).map((tensor) => scope.floats(tensor)),
    );
    console.log(found.every((value) => value === 3));
    ${end}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 50_000,
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as [unknown];
  return { code, output };
}

test.each([
  ["that is over", ""],
  ["that closes the session", "session.dispose();"],
  ["that exits", "process.exit(0);"],
])("the threads of a process %s end together with the process", async (_, end) => {
  expect(await runProcess(end)).toEqual({ code: 0, output: "true\n" });
});

test("a kernel that fails in any thread fails the run, and those after it", () => {
  const pool = new ThreadPool(3);
  const graph = new GraphBuilder();
  const x = graph.placeholder("x", [-1]);
  const sum = graph.addTensors(x, x);
  const session = openWasm(loadKernels(), () => pool).open(graph);
  expect(pool.work.awaitStart(2, 30_000)).toBe(true);
  // Far beyond the end of memory.
  const beyond = { kernel: "add", parts: 5000, args: [2 ** 31, 2 ** 31, 2 ** 31, 5_120_000] };
  expect(() => pool.execute([beyond], 0, 0)).toThrow();
  expect(() =>
    session.scope((scope) => {
      const values = new Float32Array(100_000).fill(2);
      return scope.run([[x, scope.tensor([100_000], values)]], [sum]).length;
    }),
  ).toThrow("a kernel of the engine failed");
  session.dispose();
});

test("a module whose memory is not its first import is refused", () => {
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  // One import "a" "b", which is a function of type 0.
  const imported = [2, 7, 1, 1, 0x61, 1, 0x62, 0, 0];
  expect(() => withSharedMemory(Uint8Array.from(header))).toThrow(RangeError);
  expect(() => withSharedMemory(Uint8Array.from([...header, ...imported]))).toThrow(RangeError);
});
