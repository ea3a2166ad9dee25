// Runs PyTorch for comparison: installs it into Tandem's cache, and runs it in one process, or in two with DDP, on loopback or in
// network namespaces.
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Namespace } from "../faults/namespace.mjs";
import { ROOT } from "../faults/processes.mjs";

const PEER = join(ROOT, "scripts/bench/torch_peer.py");
const run = promisify(execFile);

/** Downloads some gigabytes the first time. @returns {string} the path of a Python that has PyTorch */
export function installTorch() {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "tandem/peers");
  const program = join(cache, "bin/python");
  if (!existsSync(join(cache, "installed"))) {
    process.stderr.write("Installing PyTorch into the cache …\n");
    execFileSync("python3", ["-m", "venv", cache], { stdio: "inherit" });
    execFileSync(program, ["-m", "pip", "install", "--quiet", "torch", "numpy"], {
      stdio: "inherit",
    });
    execFileSync("touch", [join(cache, "installed")]);
  }
  return program;
}

/** @param {string} python @param {string[]} args @returns {Promise<{step: number, evaluate: number, version: string}>} */
export async function torch(python, ...args) {
  const { stdout } = await run(python, [PEER, ...args]);
  return JSON.parse(stdout);
}

/**
 * Two DDP processes; across a network, each in its own namespace.
 * @param {string} python
 * @param {{steps: number, warmUp: number}} counts
 * @param {string} [rate]
 * @returns {Promise<number>} milliseconds per step
 */
export async function torchDdp(python, { steps, warmUp }, rate) {
  const places = rate ? [new Namespace(), new Namespace()] : [];
  try {
    for (const place of places) place.limit(rate ?? "", "256k");
    if (places.length > 0) joinNamespaces(places);
    const [first] = places;
    const port = 20_000 + (process.pid % 20_000) + Math.floor(Math.random() * 1000);
    const env = {
      ...process.env,
      MASTER_ADDR: first ? first.address : "127.0.0.1",
      MASTER_PORT: `${port}`,
      GLOO_SOCKET_IFNAME: first ? "eth0" : "lo",
    };
    const rank = (/** @type {number} */ number) => {
      // Fewer steps at 100 Mbit/s, where one takes more than a second.
      const [own, first] = rate === "100mbit" ? [12, 4] : [steps, warmUp];
      const numbers = [number, 2, 25, own, first].map(String);
      const [program = "", ...args] = [
        ...(places[number]?.prefix ?? []),
        ...[python, PEER, "ddp", ...numbers],
      ];
      return run(program, args, { env });
    };
    const [{ stdout }] = await Promise.all([rank(0), rank(1)]);
    return /** @type {{step: number}} */ (JSON.parse(stdout)).step;
  } finally {
    for (const place of places) place.remove();
  }
}

/** Routes between the namespaces through this machine. @param {Namespace[]} places */
function joinNamespaces(places) {
  execFileSync("sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
  for (const place of places) place.routeOut();
}
