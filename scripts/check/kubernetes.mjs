// Checks the manifests of deploy/kubernetes against the official schemas of two versions of Kubernetes, strictly: unknown fields
// are errors. Also checks what kustomize renders from them, if it is installed.
//   node scripts/check/kubernetes.mjs
// Needs kubernetes-validate (pip install kubernetes-validate), which contains the schemas. TANDEM_KUBERNETES_VALIDATE and
// TANDEM_KUSTOMIZE give the paths of the programs if they are not on the PATH. Installs nothing.
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { KUBERNETES, readManifests } from "../deploy/manifests.mjs";
import { isInstalled } from "../deploy/programs.mjs";
import { temporaryFolder } from "../faults/temporary-folder.mjs";

const VERSIONS = ["1.31", "1.37"];
/** Kinds that are not part of Kubernetes itself: kustomize's and the Prometheus operator's. */
const FOREIGN = ["Kustomization", "Component", "ServiceMonitor"];

/** @param {string} variable @param {string} program */
function find(variable, program) {
  return process.env[variable] ?? (isInstalled(program) ? program : undefined);
}

const validator = find("TANDEM_KUBERNETES_VALIDATE", "kubernetes-validate");
if (validator === undefined) {
  process.stdout.write(
    "skipped: kubernetes-validate not found (pip install kubernetes-validate)\n",
  );
  process.exit(0);
}
const folder = temporaryFolder("tandem-kubernetes-");

/** @typedef {import("../deploy/manifests.mjs").Manifest} Manifest */

/** @param {string} version @param {Manifest[]} manifests @returns {string} what is wrong */
function problems(version, manifests) {
  const file = join(folder, "manifests.yaml");
  writeFileSync(file, manifests.map((manifest) => stringify(manifest)).join("---\n"));
  const args = ["--strict", "--no-warn", "--quiet", "--kubernetes-version", version, file];
  const { status, stdout, stderr } = spawnSync(String(validator), args, { encoding: "utf8" });
  return status === 0 ? "" : `${stdout}${stderr}`.trim() || `exit code ${status}`;
}

/** @param {string} what @param {Manifest[]} manifests */
function validate(what, manifests) {
  const own = manifests.filter(({ kind }) => !FOREIGN.includes(kind));
  for (const version of VERSIONS) {
    const wrong = problems(version, own);
    const verdict = wrong === "" ? "valid" : "INVALID";
    process.stdout.write(`${what}, Kubernetes ${version}: ${own.length} manifests ${verdict}\n`);
    if (wrong !== "") process.stdout.write(`${wrong}\n`);
    if (own.length === 0 || wrong !== "") process.exitCode = 1;
  }
}

const manifests = readManifests().map(({ manifest }) => manifest);
validate("as written", manifests);

// The validator must find a field that does not exist. Otherwise a pass would mean nothing.
const service = manifests.find(({ kind }) => kind === "Service") ?? {};
const misspelt = { ...service, spec: { ...service["spec"], publishNotReadyAddreses: true } };
for (const version of VERSIONS) {
  const isFound = problems(version, [misspelt]).includes("publishNotReadyAddreses");
  process.stdout.write(`a misspelt field, ${version}: ${isFound ? "found" : "NOT FOUND"}\n`);
  if (!isFound) process.exitCode = 1;
}

const kustomize = find("TANDEM_KUSTOMIZE", "kustomize");
if (kustomize === undefined) {
  process.stdout.write("kustomize not found: its output is not checked\n");
} else {
  for (const overlay of ["base", "example"]) {
    const text = execFileSync(kustomize, ["build", join(KUBERNETES, overlay)], {
      encoding: "utf8",
    });
    const rendered = [...parseAllDocuments(text, { version: "1.1" })].map((each) => each.toJS());
    validate(`kustomize build ${overlay}`, rendered);
  }
}
