// The recipe `fast`, from starting the command to the test accuracy, in Tandem and in PyTorch.
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { mnistFolder } from "../../dist/shared/data/files/mnist.js";
import { Command } from "../faults/processes.mjs";

const run = promisify(execFile);
const PEER = join(dirname(fileURLToPath(import.meta.url)), "torch_recipe.py");

/** @typedef {{seconds: number, accuracy: number}} Timed */

/** @param {string[]} args such as `single --threads 2` @param {string} folder for the checkpoint @returns {Promise<Timed>} */
export async function tandemRecipe(args, folder) {
  const startMs = performance.now();
  const rare = ["--eval-every", "0", "--checkpoint-every", "0"];
  const command = new Command([...args, "--recipe", "fast", ...rare, "--json"], { cwd: folder });
  await command.ended;
  const seconds = (performance.now() - startMs) / 1000;
  const end = command.events.find(({ event }) => event === "end");
  if (!end) throw new Error(`the run failed: ${command.stderr}`);
  return { seconds, accuracy: Number(end["testAccuracy"]) };
}

/**
 * @param {string} python
 * @param {number} threads per process
 * @param {number} world number of processes; several use DistributedDataParallel with Gloo on loopback
 * @returns {Promise<Timed>}
 */
export async function torchRecipe(python, threads, world) {
  const startMs = performance.now();
  const port = 20_000 + Math.floor(20_000 * Math.random());
  const env = {
    ...process.env,
    MASTER_ADDR: "127.0.0.1",
    MASTER_PORT: `${port}`,
    GLOO_SOCKET_IFNAME: "lo",
  };
  const ranks = Array.from({ length: world }, (_, rank) =>
    run(python, [PEER, ...[threads, rank, world].map(String), mnistFolder()], { env }),
  );
  const [first] = await Promise.all(ranks);
  const { accuracy } = JSON.parse(first?.stdout ?? "");
  return { seconds: (performance.now() - startMs) / 1000, accuracy };
}
