// Reads the manifests of deploy/kubernetes, and determines how they start a container's process.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { ROOT } from "../faults/processes.mjs";

export const KUBERNETES = join(ROOT, "deploy/kubernetes");

/** @typedef {Record<string, any>} Manifest */

/** The documents of all files. @returns {{file: string, manifest: Manifest}[]} including kustomizations */
export function readManifests() {
  const folders = readdirSync(KUBERNETES, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  return folders.flatMap(({ name }) =>
    readdirSync(join(KUBERNETES, name))
      .filter((file) => file.endsWith(".yaml"))
      .flatMap((file) => readManifest(join(name, file))),
  );
}

/** @param {string} file below deploy/kubernetes */
function readManifest(file) {
  // Version 1.1, as Kubernetes reads YAML.
  const documents = parseAllDocuments(readFileSync(join(KUBERNETES, file), "utf8"), {
    version: "1.1",
  });
  return [...documents].map((document) => {
    if (document.errors.length > 0) throw new Error(`${file}: ${document.errors[0]?.message}`);
    return { file, manifest: /** @type {Manifest} */ (document.toJS()) };
  });
}

/** @param {string} kind @param {string} name @returns {Manifest} */
export function manifestOf(kind, name) {
  const found = readManifests().find(
    ({ manifest }) => manifest["kind"] === kind && manifest["metadata"]?.name === name,
  );
  if (!found) throw new Error(`no ${kind} ${name} in deploy/kubernetes`);
  return found.manifest;
}

/**
 * How the kubelet starts the only container of a pod: the arguments after the image's entry point and the manifest's variables.
 * @param {Manifest} workload a StatefulSet or Deployment
 * @param {string} podName value of `fieldRef: metadata.name`
 */
export function containerOf(workload, podName) {
  const pod = workload["spec"].template.spec;
  const [container] = pod.containers;
  const { runAsUser, runAsGroup, fsGroup } = pod.securityContext;
  /** @type {{name: string, value?: string}[]} */
  const variables = container.env;
  return {
    args: /** @type {string[]} */ (container.args),
    environment: Object.fromEntries(variables.map(({ name, value }) => [name, value ?? podName])),
    identity: { user: runAsUser, group: runAsGroup, filesGroup: fsGroup },
    /** @type {{name: string, mountPath: string, readOnly?: boolean}[]} */
    mounts: container.volumeMounts,
    /** @type {Record<string, any>[]} */
    volumes: pod.volumes,
    graceMs: pod.terminationGracePeriodSeconds * 1000,
  };
}
