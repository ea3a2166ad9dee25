// Relays that could connect to themselves in a loop while their coordinator is unreachable: each must find it again.
import { createServer } from "node:net";
import { afterEach, beforeAll, expect, test } from "vitest";
import { RelayTree } from "../support/relay-tree.js";
import { SmallRun } from "../support/small-run.js";
import { killAll, type Tandem } from "../support/tandem.js";

const run = new SmallRun(20, [
  ...["--shards", "4", "--batch-size", "8", "--eval-every", "0", "--engine", "wasm"],
]);

beforeAll(() => run.prepare());
afterEach(killAll);

/** A port that is free at the moment. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** What happened to a relay that connected to another one's port, or to its own. */
async function arrivalOf(name: string, at: Tandem) {
  const event = await at.event((one) => one.event === "worker" && one["name"] === name);
  return event["state"];
}

/** Resolves when there is a checkpoint to resume from. */
async function killCoordinator({ coordinator }: RelayTree) {
  await coordinator.event(({ event }) => event === "checkpoint");
  coordinator.kill("SIGKILL");
  await coordinator.ended;
}

/** Resumes the coordinator at its port, and waits for the end of the run. */
async function expectResumedEnd(tree: RelayTree) {
  const { port } = new URL(tree.url);
  const resume = ["--port", port, "--resume", "checkpoint.safetensors"];
  const resumed = run.start("coordinator", resume, tree.cwd).process;
  const { code, stderr } = await resumed.ended;
  expect(code, stderr).toBe(0);
  expect(run.digest(tree.cwd)).toBe(run.calmDigest);
}

test("a relay with itself among its relays does not join itself, and continues when its coordinator is back", async () => {
  const tree = await RelayTree.start(run, 1, ["--checkpoint-every", "3"]);
  const port = `${await freePort()}`;
  const via = ["--via", `ws://127.0.0.1:${port}`];
  const relay = await tree.relay("relay", tree.url, "--port", port, ...via);
  tree.worker("a", [relay.url]);
  await killCoordinator(tree);
  expect(await arrivalOf("relay", relay.process)).toBe("rejected");
  await expectResumedEnd(tree);
  expect((await relay.process.ended).code).toBe(0);
});

test("two relays that try each other first do not wait for each other", async () => {
  const tree = await RelayTree.start(run, 1, ["--checkpoint-every", "3"]);
  const ports = [await freePort(), await freePort()];
  const [first, second] = await Promise.all(
    ports.map((port, index) => {
      const via = `ws://127.0.0.1:${ports[1 - index]}`;
      return tree.relay(`relay-${index}`, tree.url, "--port", `${port}`, "--via", via);
    }),
  );
  tree.worker("a", [first!.url, second!.url]);
  await killCoordinator(tree);
  await expectResumedEnd(tree);
});
