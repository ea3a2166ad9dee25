// A run's outputs may be closed, full or stopped: the run continues, and its exit code is that of the training.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder, writeDataset } from "../support/data.js";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const STOP_TERMINAL = fileURLToPath(new URL("stop-terminal.py", import.meta.url));
const data = writeDataset();

function command(...args: string[]): string {
  const numbers = ["--batch-size", "10", "--eval-every", "2", "--validation-size", "0"];
  return [process.execPath, CLI, ...args, "--data", data, ...numbers].join(" ");
}

function bash(script: string, cwd: string) {
  const { status, stdout, stderr } = spawnSync("bash", ["-c", script], {
    cwd,
    encoding: "utf8",
    timeout: 50_000,
    killSignal: "SIGKILL",
  });
  return { status, stdout, stderr };
}

function has(name: string): boolean {
  return spawnSync(name, ["--version"]).status === 0;
}

describe("a run whose output", () => {
  let cwd = "";
  beforeEach(() => {
    cwd = temporaryFolder();
  });
  const expectCheckpoint = () => {
    expect(existsSync(join(cwd, "checkpoint.safetensors"))).toBe(true);
  };

  test("goes to `2>&1 | head -1` ends well and writes its checkpoint", () => {
    const run = command("local", "--steps", "30", "--json");
    const { stdout } = bash(`(${run} 2>&1; echo $? > code) | head -1`, cwd);
    expect(stdout.split("\n")).toHaveLength(2);
    expect(readFileSync(join(cwd, "code"), "utf8")).toBe("0\n");
    expectCheckpoint();
  });

  test.each([">/dev/full", "2>/dev/full", ">/dev/full 2>&1", ">&- 2>&-"])(
    "is %s ends well and writes its checkpoint",
    (redirection) => {
      const { status } = bash(`${command("single", "--steps", "10")} ${redirection}`, cwd);
      expect(status).toBe(0);
      expectCheckpoint();
    },
  );

  test("is a full --log-file ends well, and the failure is reported once", () => {
    const run = command("single", "--steps", "30", "--log-file", "/dev/full");
    const { status, stderr } = bash(run, cwd);
    expect(status).toBe(0);
    expect(stderr.match(/--log-file failed: .*ENOSPC.*; training continues/g)).toHaveLength(1);
    expectCheckpoint();
  });

  test("is standard output that is full is reported on standard error", () => {
    const { status, stderr } = bash(
      `${command("single", "--steps", "10", "--json")} >/dev/full`,
      cwd,
    );
    expect(status).toBe(0);
    expect(stderr.match(/standard output failed: .*ENOSPC/g)).toHaveLength(1);
  });

  test.skipIf(process.getuid?.() !== 0)("is a --summary-dir on a full disk ends well", () => {
    const disk = join(cwd, "disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
    try {
      const run = command("single", "--steps", "30", "--summary-dir", disk);
      const { status, stderr } = bash(run, cwd);
      expect(status, stderr).toBe(0);
      expect(stderr.match(/TensorBoard's summary failed/g), stderr).toHaveLength(1);
      expectCheckpoint();
    } finally {
      execFileSync("umount", ["-l", disk]);
    }
  });

  test.skipIf(!has("python3"))(
    "is a terminal stopped by Ctrl-S trains on, and still ends at Ctrl-C",
    () => {
      const run = command("single", "--steps", "1000000", "--log-file", "log.jsonl");
      const ended = spawnSync("python3", [STOP_TERMINAL, "log.jsonl", ...run.split(" ")], {
        cwd,
        encoding: "utf8",
      });
      expect(ended.stdout, ended.stderr).toBe('{"wentOn": true, "exitCode": 130}\n');
      expectCheckpoint();
    },
    120_000,
  );
});

describe("other commands", () => {
  const cwd = temporaryFolder();
  test.each(["inspect checkpoint.safetensors", `evaluate checkpoint.safetensors --data ${data}`])(
    "`%s` into a reader that is gone",
    (args) => {
      if (!existsSync(join(cwd, "checkpoint.safetensors"))) {
        expect(bash(command("single", "--steps", "2"), cwd).status).toBe(0);
      }
      const { status } = bash(`${process.execPath} ${CLI} ${args} > /dev/full 2>&1`, cwd);
      expect(status).toBe(0);
    },
  );
});
