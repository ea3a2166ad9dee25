// The units of deploy/systemd: systemd finds them correct, and what they start is what the commands know.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { deployedCommand, variablesOf } from "../support/deployed-commands.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Settings by name, of all sections; a name can occur several times. */
function readUnit(file: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const line of readFileSync(`${ROOT}/deploy/systemd/${file}`, "utf8").split("\n")) {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) settings.set(name, [...(settings.get(name) ?? []), value!]);
  }
  return settings;
}

describe.each([
  ["coordinator", "tandem-coordinator.service"],
  ["worker", "tandem-worker@.service"],
])("%s", (name, file) => {
  const unit = readUnit(file);

  test("has arguments and variables that its command knows", () => {
    const [program, ...args] = unit.get("ExecStart")![0]!.split(" ");
    expect(program).toBe("/usr/local/bin/tandem");
    const { operands, unknown } = deployedCommand(name).parseOptions(args);
    expect([operands[0], unknown]).toEqual([name, []]);
    const variables = unit.get("Environment")!.flatMap((text) => text.split(" "));
    const names = variables.map((text) => text.split("=")[0]);
    expect(names.length).toBeGreaterThan(1);
    expect(variablesOf(name)).toEqual(expect.arrayContaining(names));
  });

  test("has its token as a credential, which the service's own user cannot read elsewhere", () => {
    expect(unit.get("LoadCredential")).toEqual(["token:/etc/tandem/token"]);
    expect(unit.get("Environment")).toContain("TANDEM_TOKEN_FILE=%d/token");
    expect(unit.get("DynamicUser")).toEqual(["yes"]);
  });

  test("does not start again what bad options have ended", () => {
    expect(unit.get("RestartPreventExitStatus")).toEqual(["2"]);
    expect(unit.get("SuccessExitStatus")).toEqual(["143"]);
  });
});

test("systemd finds the units correct, and their exposure small", async (context) => {
  const script = `${ROOT}/scripts/check/systemd.mjs`;
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  context.skip(stdout.startsWith("skipped"), stdout.trim());
  expect(stdout).toContain("tandem-coordinator.service: correct\n");
  expect(stdout).toContain("tandem-worker@1.service: correct\n");
});
