import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/temporary.ts",
    // Native add-ons crash in worker threads.
    pool: "forks",
    // Two cores: files that train beside each other would only slow each other down past their deadlines.
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
