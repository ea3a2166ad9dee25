// The manifests of deploy/kubernetes: what they say agrees with itself and with the commands that they start, and they are valid
// by the schemas of two versions of Kubernetes. No cluster is needed; scripts/check/container.mjs runs their processes.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  containerOf,
  KUBERNETES,
  type Manifest,
  manifestOf,
  readManifests,
} from "../../scripts/deploy/manifests.mjs";
import { requireLongToken } from "../../src/run/port-access.js";
import { deployedCommand, variablesOf } from "../support/deployed-commands.js";

afterEach(() => vi.unstubAllEnvs());

const coordinator = manifestOf("StatefulSet", "tandem-coordinator");
const worker = manifestOf("Deployment", "tandem-worker");
const service = manifestOf("Service", "tandem-coordinator");
const COMPONENT = "app.kubernetes.io/component";
const workloads: [string, Manifest][] = [
  ["coordinator", coordinator],
  ["worker", worker],
];

// Manifests are of any shape; the assertions say which.
/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-return */
const podOf = (workload: Manifest): Manifest => workload["spec"].template.spec;
const containerIn = (workload: Manifest): Manifest => podOf(workload)["containers"][0];

const commandOf = (workload: Manifest) =>
  deployedCommand(containerOf(workload, "pod").args[0] ?? "");

describe.each(workloads)("%s", (component, workload) => {
  const pod = podOf(workload);
  const container = containerIn(workload);

  test("is not root, cannot become it, and cannot write its image", () => {
    expect(pod["securityContext"]).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 10001,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(container["securityContext"]).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(pod["automountServiceAccountToken"]).toBe(false);
    expect(container["resources"].requests).toMatchObject({ cpu: "1" });
    expect(container["resources"].limits.memory).toMatch(/Gi$/);
  });

  test("is not given variables of services, which would be options", () => {
    // A service called tandem would set TANDEM_PORT=tcp://…
    expect(pod["enableServiceLinks"]).toBe(false);
  });

  test("has arguments and variables that its command knows", () => {
    const { args, environment } = containerOf(workload, "pod-name");
    expect(variablesOf(component)).toEqual(expect.arrayContaining(Object.keys(environment)));
    const variables = { ...environment };
    if (component === "coordinator") variables["TANDEM_CONFIG"] = join(KUBERNETES, "base/run.json");
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    const { operands, unknown } = commandOf(workload).parseOptions(args);
    expect(unknown).toEqual([]);
    expect(operands[0]).toBe(component);
  });

  test("reads its token from a volume, as a file for its group alone", () => {
    const { environment, mounts, volumes } = containerOf(workload, "pod");
    const mount = mounts.find(({ name }) => name === "token");
    expect(environment["TANDEM_TOKEN_FILE"]).toBe(`${mount?.mountPath}/token`);
    expect(mount?.readOnly).toBe(true);
    const secret = volumes.find(({ name }) => name === "token")?.["secret"];
    expect(secret).toEqual({ secretName: "tandem-token", defaultMode: 0o440 });
    expect(pod["securityContext"].fsGroup).toBe(10001);
    expect(JSON.stringify(workload)).not.toContain('TANDEM_TOKEN"');
  });

  test("can write where programs write temporary files", () => {
    const { mounts, volumes } = containerOf(workload, "pod");
    expect(mounts.find(({ mountPath }) => mountPath === "/tmp")?.name).toBe("temporary");
    expect(volumes.find(({ name }) => name === "temporary")).toMatchObject({ emptyDir: {} });
  });

  test("has the labels that it is selected by", () => {
    const { labels } = workload["spec"].template.metadata;
    expect(labels).toEqual({ [COMPONENT]: component });
    expect(workload["spec"].selector.matchLabels).toEqual(labels);
    const policy = manifestOf("NetworkPolicy", `tandem-${component}`)["spec"];
    expect(policy.podSelector.matchLabels).toEqual(labels);
    expect(policy.policyTypes).toEqual(["Ingress", "Egress"]);
  });
});

describe("the coordinator", () => {
  test("writes onto its volume", () => {
    const { environment, mounts } = containerOf(coordinator, "pod");
    const state = mounts.find(({ name }) => name === "state")!;
    for (const variable of ["TANDEM_OUTPUT", "TANDEM_SUMMARY_DIR"]) {
      expect(environment[variable]).toMatch(new RegExp(`^${state.mountPath}/`));
    }
    expect(state.readOnly).toBeUndefined();
    const [claim] = coordinator["spec"].volumeClaimTemplates as Manifest[];
    expect(claim!["metadata"].name).toBe("state");
  });

  test("is probed at its own paths, on its own port", () => {
    const { startupProbe, livenessProbe, readinessProbe, ports } = containerIn(coordinator);
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: "/healthz", port: "tandem" },
      { path: "/healthz", port: "tandem" },
      { path: "/readyz", port: "tandem" },
    ]);
    const { TANDEM_PORT } = containerOf(coordinator, "pod").environment;
    expect(ports).toEqual([{ name: "tandem", containerPort: Number(TANDEM_PORT) }]);
  });

  test("continues where its predecessor was, and stays after the end", () => {
    expect(containerIn(coordinator)["args"]).toEqual([
      "coordinator",
      "--auto-resume",
      "--keep-page",
    ]);
    expect(coordinator["spec"].replicas).toBe(1);
    expect(podOf(coordinator)["terminationGracePeriodSeconds"]).toBeGreaterThanOrEqual(60);
  });

  test("is found by workers before it is ready: only they make it so", () => {
    expect(service["spec"]).toMatchObject({ clusterIP: "None", publishNotReadyAddresses: true });
    expect(service["spec"].selector).toEqual(coordinator["spec"].selector.matchLabels);
    expect(coordinator["spec"].serviceName).toBe(service["metadata"].name);
    const [{ port, targetPort }] = service["spec"].ports;
    expect(targetPort).toBe("tandem");
    const [, url] = containerIn(worker)["args"] as string[];
    expect(url).toBe(`ws://${service["metadata"].name}:${port}`);
  });

  test("admits workers only, and workers reach it and DNS only", () => {
    const { ingress, egress } = manifestOf("NetworkPolicy", "tandem-coordinator")["spec"];
    const from = { podSelector: { matchLabels: { [COMPONENT]: "worker" } } };
    expect(ingress).toEqual([{ from: [from], ports: [{ protocol: "TCP", port: "tandem" }] }]);
    expect(egress).toEqual([]);
    const of = manifestOf("NetworkPolicy", "tandem-worker")["spec"];
    expect(of.ingress).toEqual([]);
    const ports = (of.egress as Manifest[]).flatMap((rule) => rule["ports"] as Manifest[]);
    expect(ports.map(({ port }) => port as number)).toEqual([7711, 53, 53]);
  });
});

describe("the folder", () => {
  test.each(["base", "example"])("%s: a file of options that the coordinator takes", (overlay) => {
    const config = join(KUBERNETES, overlay, "run.json");
    expect(() => commandOf(coordinator).parseOptions(["--config", config])).not.toThrow();
  });

  test("kustomizations name files that exist", () => {
    const named = readManifests().flatMap(({ file, manifest }) => {
      const generated = (manifest["configMapGenerator"] ?? []) as Manifest[];
      const files = generated.flatMap((each) => each["files"] as string[]);
      const resources = manifest["kind"] === "Kustomization" || manifest["kind"] === "Component";
      const paths = resources ? [...(manifest["resources"] as string[]), ...files] : [];
      return paths.map((path) => join(KUBERNETES, file, "..", path));
    });
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((path) => !existsSync(path))).toEqual([]);
  });

  test("the example of a secret is part of no kustomization, and a coordinator refuses it", () => {
    const { stringData } = manifestOf("Secret", "tandem-token");
    expect(() => requireLongToken(stringData.token as string, "0.0.0.0")).toThrow(/16 characters/);
    const kustomizations = readManifests().filter(({ file }) =>
      file.endsWith("kustomization.yaml"),
    );
    expect(JSON.stringify(kustomizations)).not.toContain("secret.example");
  });
});

test("is valid by the schemas of two versions of Kubernetes", async (context) => {
  const script = fileURLToPath(new URL("../../scripts/check/kubernetes.mjs", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  context.skip(stdout.startsWith("skipped"), stdout.trim());
  for (const version of ["1.31", "1.37"]) {
    expect(stdout).toContain(`as written, Kubernetes ${version}: 7 manifests valid\n`);
    expect(stdout).toContain(`a misspelt field, ${version}: found\n`);
  }
});
