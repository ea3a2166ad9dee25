import { defineConfig } from "vitest/config";

/** Tests that start Tandem's commands as processes: they need the compiled dist/, and most of the time. */
const WITH_PROCESSES = [
  ...["commands", "deploy", "e2e", "faults", "observers", "package", "page"].map(
    (folder) => `test/${folder}/**/*.test.ts`,
  ),
  "test/library/examples.test.ts",
];

export default defineConfig({
  test: {
    globalSetup: "test/support/temporary.ts",
    // Native add-ons crash in worker threads.
    pool: "forks",
    // Most of a test with processes is waiting, for starts and for deadlines: two of them at a time keep two cores busy.
    maxWorkers: 2,
    // Some take half a minute on two idle cores; a busy machine is not a failure.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: { name: "unit", include: ["test/**/*.test.ts"], exclude: WITH_PROCESSES },
      },
      { extends: true, test: { name: "processes", include: WITH_PROCESSES } },
    ],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: [
        // Runs in browsers: tested in one by test/page, which V8's coverage of Node does not see.
        "src/coordinator/**/dashboard/page/**",
      ],
      reporter: ["text", "json-summary", "html"],
      // What a result is made of, from numbers alone. The rest is named in docs/testing.md.
      thresholds: {
        "src/shared/network/**": { lines: 100, branches: 97 },
        "src/shared/graph/**": { lines: 98, branches: 90 },
        "src/shared/optimizer/**": { lines: 100, branches: 100 },
        "src/shared/statistics/**": { lines: 90, branches: 70 },
        "src/shared/data/{sampler,samples,files/arrays/idx}.ts": { lines: 90, branches: 80 },
        "src/shared/random.ts": { lines: 95, branches: 90 },
      },
    },
  },
});
