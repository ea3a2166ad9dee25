// Starts a process from an image's root file system as a container runtime would: as process 1, with exactly the given environment,
// identity and mounts, without capabilities, on a read-only root. Needs root and util-linux.
import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

/**
 * @typedef {object} ContainerSpec
 * @property {string} root the image's file system; each process needs its own
 * @property {string[]} command
 * @property {Record<string, string>} environment
 * @property {{user: number, group: number, filesGroup: number}} identity
 * @property {{source: string, target: string, isReadOnly: boolean}[]} mounts folders and files of this machine
 * @property {string} workingFolder
 */

/** Everything is passed as arguments: no text of a manifest is interpreted by a shell. */
const SCRIPT = `
set -eu
root=$1 user=$2 group=$3 files_group=$4 folder=$5
shift 5
mount --make-rprivate /
mount --bind "$root" "$root"
while [ "$1" != -- ]; do
  mode=$1 source=$2 target=$root$3
  shift 3
  if [ -d "$source" ]; then
    mkdir -p "$target"
  else
    mkdir -p "$(dirname "$target")"
    touch "$target"
  fi
  mount --bind "$source" "$target"
  if [ "$mode" = ro ]; then mount -o remount,bind,ro "$target"; fi
done
shift
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -o remount,bind,ro "$root"
exec chroot "$root" /usr/bin/setpriv --reuid "$user" --regid "$group" --groups "$files_group" \\
  --no-new-privs --bounding-set=-all --inh-caps=-all /usr/bin/env -i -C "$folder" "$@"
`;

export class ContainerProcess {
  /** @param {ContainerSpec} spec */
  constructor(spec) {
    const { root, command, environment, identity, mounts, workingFolder } = spec;
    const { user, group, filesGroup } = identity;
    this.spec = spec;
    const mountArgs = mounts.flatMap(({ source, target, isReadOnly }) => [
      ...[isReadOnly ? "ro" : "rw", source, target],
    ]);
    this.child = spawn(
      "unshare",
      [
        ...["--mount", "--pid", "--ipc", "--fork", "--kill-child", "sh", "-c", SCRIPT, "sh"],
        ...[root, `${user}`, `${group}`, `${filesGroup}`, workingFolder],
        ...[...mountArgs, "--", ...variablesOf(environment), ...command],
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.output = "";
    /** @type {Set<() => void>} */
    this.wakers = new Set();
    const keep = (/** @type {Buffer | undefined} */ chunk) => {
      this.output += chunk?.toString() ?? "";
      for (const wake of this.wakers) wake();
    };
    this.child.stdout.on("data", keep);
    this.child.stderr.on("data", keep);
    /** @type {Promise<number | null>} */
    this.ended = new Promise((resolve) => {
      this.child.once("close", (code) => {
        resolve(code);
        keep(undefined);
      });
    });
  }

  get isAlive() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** This machine's number of the container's process 1. */
  get pid() {
    const own = this.child.pid;
    return Number(readFileSync(`/proc/${own}/task/${own}/children`, "utf8").trim());
  }

  /** @param {NodeJS.Signals} signal */
  kill(signal) {
    if (this.isAlive) process.kill(this.pid, signal);
  }

  /** @param {RegExp} pattern @returns {Promise<string>} the part of its output that matches */
  async printed(pattern) {
    for (;;) {
      const found = pattern.exec(this.output);
      if (found) return found[1] ?? found[0];
      if (!this.isAlive) throw new Error(`ended without ${pattern}\n${this.output}`);
      await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
        const wake = () => {
          this.wakers.delete(wake);
          resolve();
        };
        this.wakers.add(wake);
      });
    }
  }

  /** Runs another program in it, as the same user. @param {string[]} command @returns {Promise<number>} its exit code */
  async execute(...command) {
    const { root, identity, environment } = this.spec;
    const { user, group, filesGroup } = identity;
    const inside = ["--target", `${this.pid}`, "--mount", "--pid", "chroot", root];
    const as = ["--reuid", `${user}`, "--regid", `${group}`, "--groups", `${filesGroup}`];
    const privileges = ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"];
    const env = ["/usr/bin/env", "-i", ...variablesOf(environment)];
    try {
      await promisify(execFile)("nsenter", [
        ...[...inside, "/usr/bin/setpriv", ...as, ...privileges, ...env, ...command],
      ]);
      return 0;
    } catch (error) {
      return /** @type {{code?: number}} */ (error).code ?? 1;
    }
  }
}

/** @param {Record<string, string>} environment */
function variablesOf(environment) {
  return Object.entries(environment).map(([name, value]) => `${name}=${value}`);
}
