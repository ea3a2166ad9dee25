// Builds the image of deploy/container with buildah and without a registry of images: its base is a minimal Debian from
// debootstrap with a Node from npm. Needs root.
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { fetchNode } from "../ci/fetch-node.mjs";
import { createOnce, prepareCache } from "../../dist/setup/cache.js";
import { cacheFolder } from "../../dist/shared/engine/tensorflow/installation.js";
import { ROOT } from "../faults/processes.mjs";
import { isInstalled } from "./programs.mjs";

const DEBIAN = "bookworm";
const NODE = "22.23.3";
const BASE = "localhost/node-base";
const IMAGE = "localhost/tandem";
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

const run = promisify(execFile);

/** @returns {string | undefined} why no image can be built here; undefined: it can */
export function whyNoImage() {
  if (process.getuid?.() !== 0) return "building needs root here";
  const missing = ["buildah", "debootstrap", "apt-get"].filter((program) => !isInstalled(program));
  return missing.length === 0 ? undefined : `${missing.join(", ")} not found`;
}

export class Image {
  /** @param {string} folder for layers and containers; removed with `remove` */
  constructor(folder) {
    this.store = ["--root", join(folder, "storage"), "--runroot", join(folder, "run")];
  }

  /** @param {string[]} args @returns {Promise<string>} what it printed */
  async buildah(...args) {
    const { stdout } = await run("buildah", [...this.store, ...args], {
      // Steps run in a chroot with this machine's network, without namespaces, which a sandbox may not allow.
      env: { ...process.env, BUILDAH_ISOLATION: "chroot" },
      cwd: ROOT,
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    return stdout.trim();
  }

  /** @param {"wasm" | "both"} engines */
  async build(engines) {
    const container = await this.buildah("from", "scratch");
    await this.buildah("add", "--quiet", container, await baseRoot(), "/");
    await this.buildah("commit", "--quiet", container, BASE);
    await this.buildah("rm", container);
    await this.buildah(
      ...["build", "--format", "docker", "--file", "deploy/container/Dockerfile", "--tag", IMAGE],
      ...["--build-arg", `NODE_IMAGE=${BASE}`, "--build-arg", `ENGINES=${engines}`, "."],
    );
  }

  /** How its containers are started. @returns {Promise<{config: Record<string, unknown>}>} */
  async inspect() {
    const { Docker } = JSON.parse(await this.buildah("inspect", "--type", "image", IMAGE));
    return { config: Docker.config };
  }

  /** @returns {Promise<string>} the folder of a new container's root file system */
  async mount() {
    const container = await this.buildah("from", IMAGE);
    return this.buildah("mount", container);
  }

  async remove() {
    await this.buildah("umount", "--all").catch(() => undefined);
    await this.buildah("rm", "--all").catch(() => undefined);
    await this.buildah("rmi", "--all", "--force").catch(() => undefined);
  }
}

/** Made once and kept in Tandem's cache. @returns {Promise<string>} */
async function baseRoot() {
  const target = join(cacheFolder(), `container-base-${DEBIAN}-node-${NODE}`);
  const isComplete = (/** @type {string} */ folder) =>
    existsSync(join(folder, "usr/local/bin/npm"));
  prepareCache();
  await createOnce(target, isComplete, async (folder) => {
    const { stdout } = await run("apt-get", ["indextargets", "--format", "$(SITE)"]);
    const [site = ""] = stdout.split("\n");
    const packages = "--include=ca-certificates,libstdc++6";
    const args = ["--variant=minbase", packages, DEBIAN, folder, site];
    await run("debootstrap", args, { maxBuffer: MAX_OUTPUT_BYTES });
    await addNode(folder);
  });
  return target;
}

/** @param {string} root */
async function addNode(root) {
  const local = join(root, "usr/local");
  const npm = dirname(dirname(realpathSync((await run("which", ["npm"])).stdout.trim())));
  cpSync(await fetchNode(NODE), join(local, "bin/node"));
  cpSync(npm, join(local, "lib/node_modules/npm"), { recursive: true });
  // This machine's certificate authorities, with which it reaches its registries.
  if (existsSync(CERTIFICATES))
    cpSync(CERTIFICATES, join(root, CERTIFICATES), { dereference: true });
  mkdirSync(join(local, "etc"), { recursive: true });
  writeFileSync(join(local, "etc/npmrc"), `cafile=${CERTIFICATES}\nupdate-notifier=false\n`);
  symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(local, "bin/npm"));
}
