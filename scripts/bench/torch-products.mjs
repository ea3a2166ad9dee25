// The PyTorch process of wasm-products.mjs, which does one measurement per request.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("torch_products.py", import.meta.url));

/** @param {string} python path of a Python that has PyTorch */
export async function startTorch(python) {
  const child = spawn(python, [SCRIPT], { stdio: ["pipe", "pipe", "inherit"] });
  const failed = once(child, "error").then(([error]) => {
    throw error;
  });
  failed.catch(() => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await Promise.race([lines.next(), failed]);
    if (done) throw new Error(`${python} exited. Is PyTorch installed?`);
    return JSON.parse(value);
  };
  const { version } = await next();
  return {
    version,
    /** @param {Record<string, unknown>} peer @returns {Promise<number>} */
    measureMs: (peer) => {
      child.stdin.write(`${JSON.stringify(peer)}\n`);
      return next();
    },
    stop: () => child.stdin.end(),
  };
}
