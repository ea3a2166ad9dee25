// A worker behind a slow link: it must be able to join, and must not count as lost while its state is being sent.
//   node scripts/slow-link.mjs [--rate 5mbit] [--broadcast updates|weights] [--tls] [--steps 3] [--beside]
// `--beside`: with a fast worker on this machine, so that the run continues without the slow one, which falls behind and has to
// catch up. Needs root and iproute2.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeCertificate } from "./faults/certificate.mjs";
import { canMakeNamespaces, Namespace } from "./faults/namespace.mjs";
import { Command, digestOf } from "./faults/processes.mjs";
import { temporaryFolder } from "./faults/temporary-folder.mjs";

const { values: options } = parseArgs({
  options: {
    rate: { type: "string", default: "5mbit" },
    broadcast: { type: "string", default: "updates" },
    tls: { type: "boolean", default: false },
    steps: { type: "string", default: "3" },
    beside: { type: "boolean", default: false },
  },
});

if (!canMakeNamespaces()) {
  process.stdout.write("skipped: network namespaces cannot be made here\n");
  process.exit(0);
}
const folder = temporaryFolder("tandem-slow-link-");
const namespace = new Namespace();
const training = ["--steps", options.steps, "--shards", "2", "--eval-every", "0"];
let isRight = false;
try {
  const calmFile = join(folder, "calm.safetensors");
  const calm = new Command(["single", ...training, "--output", calmFile], { cwd: folder });
  if ((await calm.ended).code !== 0) throw new Error(calm.stderr);

  const { hostAddress } = namespace;
  const tls = options.tls ? makeCertificate(folder, [hostAddress, "127.0.0.1"]) : undefined;
  const output = join(folder, "slow.safetensors");
  const coordinator = new Command(
    [
      ...["coordinator", ...training, "--host", "0.0.0.0", "--insecure", "--port", "0", "--json"],
      ...["--broadcast", options.broadcast, "--output", output],
      ...(tls ? ["--tls-cert", tls.cert, "--tls-key", tls.key] : []),
    ],
    { cwd: folder },
  );
  const url = new URL(await coordinator.url());
  namespace.limit(options.rate, "64k");
  /** @param {string} host @param {string} name @param {string[]} prefix */
  const startWorker = (host, name, prefix) => {
    url.hostname = host;
    const trust = tls ? ["--tls-ca", tls.cert] : [];
    const args = ["worker", url.href, "--name", name, "--retry-for", "120", ...trust];
    return new Command(args, { cwd: folder, prefix });
  };
  const startMs = performance.now();
  const slow = startWorker(hostAddress, "slow", namespace.prefix);
  await coordinator.event(({ event, state }) => event === "worker" && state === "joined");
  const joinedMs = performance.now() - startMs;
  const fast = options.beside ? [startWorker("127.0.0.1", "fast", [])] : [];
  const { code } = await coordinator.ended;
  const endedMs = performance.now() - startMs;
  const left = coordinator.events.filter(
    ({ event, name, state, reason }) =>
      event === "worker" && name === "slow" && state !== "joined" && reason !== "finished",
  );
  await Promise.all([slow, ...fast].map(({ ended }) => ended));
  const isSame = code === 0 && digestOf(output) === digestOf(calmFile);
  isRight = isSame && left.length === 0;
  process.stdout.write(
    [
      `${options.rate}, ${options.broadcast}${options.tls ? ", TLS" : ""}, ${options.steps} steps${options.beside ? ", a fast worker beside it" : ""}`,
      `joined after         ${(joinedMs / 1000).toFixed(1)} s`,
      `run over after       ${(endedMs / 1000).toFixed(1)} s`,
      `times cut off        ${left.length}${left.map(({ reason }) => `, ${reason}`).join("")}`,
      `result               ${isSame ? "the same file" : `NOT the same file (exit code ${code})`}`,
      "",
    ].join("\n"),
  );
} finally {
  namespace.remove();
}
process.exit(isRight ? 0 : 1);
