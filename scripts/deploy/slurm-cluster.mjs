// A Slurm cluster of several nodes on this machine, from Debian's slurm-wlm and munge. It has its own configuration, key, state
// and ports in one folder, so that it affects no other cluster. Needs root.
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { isInstalled } from "./programs.mjs";

const PROGRAMS = [
  "munged",
  "slurmctld",
  "slurmd",
  "sbatch",
  "srun",
  "scancel",
  "scontrol",
  "squeue",
];
const START_MS = 60_000;
const END_MS = 20_000;
const POLL_MS = 200;

/** Slurm's states of a job that has not ended. */
const UNFINISHED = /^(PENDING|CONFIGURING|RUNNING|COMPLETING|REQUEUED|SUSPENDED|STOPPED)/;

/** @returns {string | undefined} why no cluster can be started here; undefined: it can */
export function whyNoSlurm() {
  if (process.getuid?.() !== 0) return "Slurm's daemons need root here";
  const missing = PROGRAMS.filter((program) => !isInstalled(program));
  return missing.length === 0
    ? undefined
    : `${missing.join(", ")} not found (Debian: slurm-wlm, munge)`;
}

export class SlurmCluster {
  /**
   * @param {string} folder an empty one with a short path, because it will contain sockets
   * @param {{nodes: number, cpusPerNode: number}} size
   */
  constructor(folder, size) {
    this.folder = folder;
    this.size = size;
    this.environment = { ...process.env, SLURM_CONF: join(folder, "slurm.conf") };
    /** @type {import("node:child_process").ChildProcess[]} */
    this.daemons = [];
    this.output = "";
  }

  /** @throws Error if a daemon does not start, with its output */
  async start() {
    const { folder, size } = this;
    for (const name of ["munge", "state", "spool"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "munge/key"), randomBytes(128), { mode: 0o600 });
    const ports = await freePorts(size.nodes + 1);
    writeFileSync(join(folder, "slurm.conf"), configuration(folder, size, ports));
    const munge = join(folder, "munge");
    this.startDaemon("munged", [
      // It uses folders of this run only, instead of the system folders that it expects.
      ...["--foreground", "--force", `--key-file=${munge}/key`, `--socket=${munge}/socket`],
      ...[`--pid-file=${munge}/pid`, `--log-file=${munge}/log`, `--seed-file=${munge}/seed`],
    ]);
    await until(() => existsSync(join(munge, "socket")), START_MS, "munged's socket", this);
    this.startDaemon("slurmctld", ["-D", "-i"]);
    for (let node = 1; node <= size.nodes; node++) {
      this.startDaemon("slurmd", ["-D", "-N", `node${node}`]);
    }
    await until(async () => (await this.idleNodes()) === size.nodes, START_MS, "idle nodes", this);
    // A node that reports to be idle may still fail to start its first task.
    const starts = () => this.run("srun", `--nodes=${size.nodes}`, "--immediate=5", "true");
    const hasStarted = () =>
      starts().then(
        () => true,
        () => false,
      );
    await until(hasStarted, START_MS, "a first task on each node", this);
  }

  async idleNodes() {
    const states = await this.run("sinfo", "--noheader", "--Node", "--format=%T").catch(() => "");
    return states.split("\n").filter((state) => state === "idle").length;
  }

  /** @param {string} program @param {string[]} args @returns {Promise<string>} its output */
  async run(program, ...args) {
    const { stdout } = await promisify(execFile)(program, args, { env: this.environment });
    return stdout.trim();
  }

  /**
   * @param {string} script
   * @param {string[]} options of sbatch
   * @param {Record<string, string>} environment of the job
   * @param {string} folder where sbatch is called
   * @returns {Promise<string>} the job's id
   */
  async submit(script, options, environment, folder) {
    const { stdout } = await promisify(execFile)("sbatch", ["--parsable", ...options, script], {
      env: { ...this.environment, ...environment },
      cwd: folder,
    });
    return stdout.trim();
  }

  /** @param {string} job @param {string} field such as JobState @returns {Promise<string>} */
  async field(job, field) {
    const text = await this.run("scontrol", "show", "job", job);
    return new RegExp(`\\b${field}=(\\S+)`).exec(text)?.[1] ?? "";
  }

  /** @param {string} job @param {number} timeoutMs @returns {Promise<string>} the state in which it ended */
  async ended(job, timeoutMs) {
    let state = "";
    await until(
      async () => !UNFINISHED.test((state = await this.field(job, "JobState"))),
      timeoutMs,
      `job ${job} to end`,
      this,
    );
    return state;
  }

  /** The id of the running step with this name. @param {string} job @param {string} name */
  async step(job, name) {
    const rows = await this.run(
      "squeue",
      "--steps",
      `--jobs=${job}`,
      "--noheader",
      "--format=%i %j",
    );
    const row = rows.split("\n").find((each) => each.split(" ")[1] === name);
    if (row === undefined) throw new Error(`job ${job} has no step ${name}:\n${rows}`);
    return row.split(" ")[0] ?? "";
  }

  /** Ends all jobs and daemons. */
  async stop() {
    await this.run("scancel", "--user=root").catch(() => undefined);
    const isEmpty = async () => (await this.run("squeue", "--noheader")) === "";
    await until(isEmpty, END_MS, "jobs to end", this).catch(() => undefined);
    // Authentication last: the others need it to shut down properly.
    for (const daemon of this.daemons.reverse()) await endDaemon(daemon);
  }

  /** @param {string} program @param {string[]} args */
  startDaemon(program, args) {
    const daemon = spawn(program, args, {
      env: this.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const keep = (/** @type {Buffer} */ chunk) => {
      this.output = (this.output + `${chunk.toString()}`).slice(-20_000);
    };
    daemon.stdout.on("data", keep);
    daemon.stderr.on("data", keep);
    daemon.on("error", (error) => keep(Buffer.from(`${program}: ${error.message}\n`)));
    this.daemons.push(daemon);
  }
}

/**
 * @param {string} folder
 * @param {{nodes: number, cpusPerNode: number}} size
 * @param {number[]} ports
 */
function configuration(folder, { nodes, cpusPerNode }, [controllerPort, ...nodePorts]) {
  const host = hostname();
  return `ClusterName=tandem
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controllerPort}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=${folder}/munge/socket
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool/%n
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd-%n.pid
# Processes are found in /proc, so no cgroups are needed.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
# Seconds. A real cluster looks for work every half minute or minute.
SchedulerParameters=sched_interval=1,bf_interval=1
# Nodes have the processors that are configured here.
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=10
NodeName=node[1-${nodes}] NodeHostname=${host} NodeAddr=127.0.0.1 Port=${nodePorts.join(",")} CPUs=${cpusPerNode} RealMemory=8000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`;
}

/**
 * Waits for something that Slurm reports only when asked.
 * @param {() => boolean | Promise<boolean>} isSo
 * @param {number} timeoutMs
 * @param {string} what
 * @param {{output: string}} cluster
 */
async function until(isSo, timeoutMs, what, cluster) {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) {
      throw new Error(`waited ${timeoutMs / 1000} s for ${what}\n${cluster.output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** @param {number} count @returns {Promise<number[]>} ports that are currently free */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise((/** @type {(port: number) => void} */ resolve) => {
          server.listen(0, "127.0.0.1", () => {
            const address = server.address();
            resolve(typeof address === "object" && address ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** @param {import("node:child_process").ChildProcess} daemon */
async function endDaemon(daemon) {
  if (daemon.pid === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = new Promise((resolve) => daemon.once("close", resolve));
  daemon.kill("SIGTERM");
  const timer = setTimeout(() => daemon.kill("SIGKILL"), END_MS);
  await ended;
  clearTimeout(timer);
}
