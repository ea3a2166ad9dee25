// Builds the image of deploy/container and starts the processes of the pods of deploy/kubernetes in it by hand: with the
// arguments, environment, users, file modes and read-only roots of the manifests. A coordinator's pod and a worker's pod are
// killed and replaced; the run must end with the checkpoint of `tandem single`, byte for byte.
//   node scripts/check/container.mjs [--engines both]
// Takes minutes, and some GB in the temporary folder. Installs nothing on this machine.
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { ContainerProcess } from "../deploy/container-process.mjs";
import { Image, whyNoImage } from "../deploy/image.mjs";
import { containerOf, manifestOf } from "../deploy/manifests.mjs";
import { Command, digestOf } from "../faults/processes.mjs";
import { temporaryFolder } from "../faults/temporary-folder.mjs";
import { writeSmallMnist } from "../small-mnist.mjs";

const { values: options } = parseArgs({
  options: { engines: { type: "string", default: "wasm" } },
});
const USER = 10001;
const STEPS = 300;
const POLL_MS = 200;
const WAIT_MS = 60_000;

const reason = whyNoImage();
if (reason !== undefined) {
  process.stdout.write(`skipped: ${reason}\n`);
  process.exit(0);
}

const folder = temporaryFolder("td-");
const image = new Image(folder);
const training = {
  ...{ validationSize: 0, steps: STEPS, batchSize: 24, shards: 2, network: "sigmoid" },
  ...{ engine: options.engines === "both" ? "tensorflow" : "wasm", checkpointEvery: 20 },
};
/** @type {ContainerProcess[]} */
const pods = [];

/** @param {string} what @param {boolean} isSo */
function check(what, isSo) {
  process.stdout.write(`${isSo ? "right" : "WRONG"}  ${what}\n`);
  if (!isSo) process.exitCode = 1;
}

/** Volumes as the kubelet prepares them: they belong to root and to the group in the pod's fsGroup. */
function prepareVolumes() {
  const group = containerOf(manifestOf("StatefulSet", "tandem-coordinator"), "").identity
    .filesGroup;
  const of = (/** @type {string} */ name) => join(folder, "volumes", name);
  for (const name of ["run", "token", "state", "data"]) mkdirSync(of(name), { recursive: true });
  const { volumes } = containerOf(manifestOf("Deployment", "tandem-worker"), "");
  const { defaultMode } = volumes.find(({ name }) => name === "token")?.["secret"] ?? {};
  writeFileSync(join(of("token"), "token"), randomBytes(32).toString("hex"));
  chownSync(join(of("token"), "token"), 0, group);
  chmodSync(join(of("token"), "token"), defaultMode);
  writeFileSync(join(of("run"), "run.json"), JSON.stringify({ ...training, data: "/data" }));
  chownSync(of("state"), 0, group);
  chmodSync(of("state"), 0o2770);
  writeFileSync(join(folder, "hosts"), "127.0.0.1 localhost tandem-coordinator\n");
}

/** The variables that the image sets. Those of a pod are added to them. @param {Record<string, unknown>} config */
function imageEnvironment(config) {
  const pairs = /** @type {string[]} */ (config["Env"]).map((text) => {
    const at = text.indexOf("=");
    return /** @type {const} */ ([text.slice(0, at), text.slice(at + 1)]);
  });
  return Object.fromEntries(pairs);
}

/** @param {string} kind @param {string} workload @param {string} podName @param {Record<string, unknown>} config */
async function startPod(kind, workload, podName, config) {
  const { args, environment, identity, mounts } = containerOf(manifestOf(kind, workload), podName);
  const volumes = mounts
    .filter(({ name }) => name !== "temporary")
    .map(({ name, mountPath, readOnly }) => ({
      ...{ source: join(folder, "volumes", name), target: mountPath },
      isReadOnly: readOnly === true,
    }));
  const entry = /** @type {string[]} */ (config["Entrypoint"]);
  const pod = new ContainerProcess({
    root: await image.mount(),
    command: [...entry, ...args],
    environment: { ...imageEnvironment(config), ...environment },
    identity,
    mounts: [
      ...volumes,
      { source: join(folder, "volumes/data"), target: "/data", isReadOnly: true },
      { source: join(folder, "hosts"), target: "/etc/hosts", isReadOnly: true },
    ],
    workingFolder: String(config["WorkingDir"]),
  });
  pods.push(pod);
  return pod;
}

/** @param {string} path @param {Record<string, string>} [headers] @returns {Promise<number>} status; 0: no answer */
async function statusOf(path, headers = {}) {
  const port = containerOf(manifestOf("StatefulSet", "tandem-coordinator"), "").environment;
  const answer = await fetch(`http://127.0.0.1:${port["TANDEM_PORT"]}${path}`, { headers }).catch(
    () => undefined,
  );
  return answer?.status ?? 0;
}

/** @param {string} path @param {number} status */
async function answers(path, status) {
  const deadlineMs = performance.now() + WAIT_MS;
  while ((await statusOf(path)) !== status) {
    if (performance.now() > deadlineMs) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return true;
}

async function runPods(/** @type {Record<string, unknown>} */ config) {
  const coordinator = () =>
    startPod("StatefulSet", "tandem-coordinator", "tandem-coordinator-0", config);
  const worker = (/** @type {string} */ name) =>
    startPod("Deployment", "tandem-worker", name, config);

  const first = await coordinator();
  check("coordinator alive, and not ready without workers", await answers("/healthz", 200));
  check("  /readyz answers 503", (await statusOf("/readyz")) === 503);
  const health = ["node", "/opt/tandem/healthcheck.mjs"];
  check("  the image's health check finds it", (await first.execute(...health)) === 0);
  check("  its root cannot be written", (await first.execute("touch", "/opt/tandem/x")) !== 0);
  check("  /tmp can", (await first.execute("touch", "/tmp/x")) === 0);
  const status = readFileSync(`/proc/${first.pid}/status`, "utf8");
  check(`  user ${USER}, no capabilities`, isUnprivileged(status));

  const one = await worker("tandem-worker-one");
  await worker("tandem-worker-two");
  check("ready once a worker is connected", await answers("/readyz", 200));
  check("  a worker's health check passes", (await one.execute(...health)) === 0);
  await first.printed(/checkpoint of step (\d+)/);
  one.kill("SIGKILL");
  await worker("tandem-worker-three");
  await first.printed(/checkpoint of step (?:[6-9]|\d\d)\d/);
  first.kill("SIGKILL");
  await first.ended;

  const second = await coordinator();
  await second.printed(/the page of the finished run/);
  check("the replaced coordinator finished the run", true);
  check(
    "  and is still alive and ready",
    (await answers("/healthz", 200)) && (await answers("/readyz", 200)),
  );
  check("  its page needs the token", (await statusOf("/")) === 401);
  second.kill("SIGTERM");
  check("  and SIGTERM ends it", (await second.ended) === 143);
}

/** @param {string} status of /proc */
function isUnprivileged(status) {
  const line = (/** @type {string} */ name) =>
    new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1];
  return (
    line("Uid")?.startsWith(`${USER}\t${USER}\t${USER}`) === true &&
    ["CapEff", "CapPrm", "CapBnd"].every((name) => /^0+$/.test(line(name) ?? "")) &&
    line("NoNewPrivs") === "1"
  );
}

try {
  prepareVolumes();
  const data = join(folder, "volumes/data");
  writeSmallMnist(join(data, "mnist"), { train: 480, t10k: 96 });
  const file = join(folder, "calm.safetensors");
  const run = join(folder, "calm.json");
  writeFileSync(run, JSON.stringify({ ...training, data: join(data, "mnist") }));
  writeFileSync(
    join(folder, "volumes/run/run.json"),
    JSON.stringify({ ...training, data: "/data/mnist" }),
  );
  const calm = new Command(["single", "--config", run, "--output", file], { cwd: folder });
  if ((await calm.ended).code !== 0) throw new Error(calm.stderr);

  await image.build(options.engines === "both" ? "both" : "wasm");
  const { config } = await image.inspect();
  check("the image runs as a user who is not root", config["User"] === `${USER}:${USER}`);
  check("the image has a health check", "Healthcheck" in config);
  await runPods(config);
  const digest = digestOf(join(folder, "volumes/state/checkpoint.safetensors"));
  check(`the file of \`tandem single\`: ${digest.slice(0, 16)}`, digest === digestOf(file));
} catch (error) {
  for (const pod of pods) process.stderr.write(`${dirname(pod.spec.root)}\n${pod.output}\n`);
  throw error;
} finally {
  for (const pod of pods) pod.kill("SIGKILL");
  await Promise.all(pods.map(({ ended }) => ended));
  await image.remove();
}
