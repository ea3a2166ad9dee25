// The packed package: what it contains, and that an empty project can install and use it where there is neither Python nor a
// compiler, so without the tensorflow engine.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { writeDataset } from "../support/data.js";
import { pack, type Packed, Project } from "../support/packed.js";

const CODE = String.raw`[\w-]+\.(js|d\.ts)`;
const FOLDERS = "(commands|coordinator|export|predict|relay|run|setup|shared|worker)";

/** Everything that may be in the package. */
const ALLOWED = [
  /^(package\.json|README\.md|LICENSE)$/,
  new RegExp(`^dist/${CODE}$`),
  new RegExp(`^dist/${FOLDERS}/([\\w-]+/)*${CODE}$`),
  /^dist\/page\/[\w-]+\.(html|js|css)$/,
  /^dist\/setup\/log-level\.cc$/,
  /^dist\/shared\/engine\/wasm\/kernels[\w-]*\.wasm$/,
];

/** What would be missed late: only some commands read it. */
const REQUIRED = [
  ...["package.json", "README.md", "LICENSE"],
  ...["dist/cli.js", "dist/index.js", "dist/index.d.ts", "dist/setup/log-level.cc"],
  ...["index.html", "login.html", "page.js", "page.css", "login.js"].map((n) => `dist/page/${n}`),
  "dist/shared/engine/wasm/kernels.wasm",
];

const MAX_PACKED_BYTES = 1_000_000;
const MAX_UNPACKED_BYTES = 3_000_000;

let packed: Packed;

beforeAll(() => {
  packed = pack();
}, 300_000);

test("contains what it needs and nothing else", () => {
  expect(packed.paths).toEqual(expect.arrayContaining(REQUIRED));
  const others = packed.paths.filter((path) => !ALLOWED.some((pattern) => pattern.test(path)));
  expect(others).toEqual([]);
});

test("is small", () => {
  expect(packed.size).toBeLessThan(MAX_PACKED_BYTES);
  expect(packed.unpackedSize).toBeLessThan(MAX_UNPACKED_BYTES);
});

describe("in an empty project", () => {
  const project = new Project();
  let withoutRegistry: string | undefined;

  beforeAll(() => {
    const failure = project.install(packed);
    if (failure?.isWithoutRegistry) withoutRegistry = failure.output;
    else if (failure) throw new Error(failure.output);
  }, 300_000);

  const installed = (name: string, body: () => void) =>
    test(
      name,
      (context) => {
        const message = `npm needs the registry, which cannot be reached:\n${withoutRegistry ?? ""}`;
        context.skip(withoutRegistry !== undefined && (process.env["CI"] ?? "") === "", message);
        if (withoutRegistry !== undefined) throw new Error(message);
        body();
      },
      120_000,
    );

  const tandem = (...args: string[]) => project.run("npx", "--no-install", "tandem", ...args);

  installed("trains with the wasm engine, and says what set-up would gain", () => {
    const data = writeDataset();
    const run = tandem(
      ...["local", "--workers", "2", "--data", data, "--validation-size", "0", "--steps", "5"],
      ...["--batch-size", "10"],
    );
    expect(run.status, run.stderr).toBe(0);
    expect(run.stdout + run.stderr).toMatch(/wasm/);
    expect(run.stderr).toContain("npx tandem setup");
    expect(project.has("checkpoint.safetensors")).toBe(true);
    const evaluated = tandem("evaluate", "checkpoint.safetensors", "--data", data);
    expect(evaluated.stdout, evaluated.stderr).toMatch(/^test accuracy [\d.]+$/m);
  });

  installed("has MNIST", () => {
    const run = tandem("single", "--steps", "0", "--json", "--output", "mnist.safetensors");
    expect(run.status, run.stderr).toBe(0);
    expect(project.has("mnist.safetensors")).toBe(true);
  });

  installed("names everything that setup lacks, and fails", () => {
    const { status, stdout, stderr } = tandem("setup");
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^tandem: .*C\+\+ compiler.*python3 with pip/m);
  });

  installed("is a library", () => {
    project.write(
      "run.mjs",
      `import { arrays, dense, network, train } from "tandem";
const inputs = Float32Array.from({ length: 24 }, (_, i) => i / 24);
const targets = Uint8Array.from({ length: 12 }, (_, i) => i % 2);
const data = arrays({ inputShape: [2], inputs, targets, test: { inputs, targets } });
const run = train({
  network: network([2], [dense(2)]),
  ...{ data, batchSize: 4, steps: 3, workers: 1, output: "library.safetensors" },
});
for await (const event of run) console.log(event.event);
`,
    );
    const { status, stdout, stderr } = project.run(process.execPath, "run.mjs");
    expect(status, stderr).toBe(0);
    expect(stdout.split("\n").filter((line) => line === "step")).toHaveLength(3);
    expect(project.has("library.safetensors")).toBe(true);
  });

  installed("has types, which need no other package and see mistakes", () => {
    // The README's example, and what it must not accept.
    const readme = readFileSync(join(project.folder, "node_modules/tandem/README.md"), "utf8");
    const [, example] = /```ts\n(.*?)```/s.exec(readme) ?? [];
    expect(example).toContain('from "tandem"');
    project.write("example.ts", example!);
    project.write(
      "mistakes.ts",
      `import { dense, idx, network, train } from "tandem";
// @ts-expect-error: a width is a number
dense("10");
// @ts-expect-error: the data is missing
train({ network: network([2], [dense(2)]) });
// @ts-expect-error: no such option
train({ data: await idx(), bathSize: 3 });
`,
    );
    const compilerOptions = {
      ...{ strict: true, noEmit: true, skipLibCheck: false, types: [] },
      ...{ target: "es2022", module: "nodenext" },
    };
    const files = ["example.ts", "mistakes.ts"];
    project.write("tsconfig.json", JSON.stringify({ compilerOptions, files }));
    const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
    const { status, stdout } = project.run(process.execPath, tsc, "-p", ".");
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });
});
