// Relays, and workers behind them, that are killed, frozen, refused or lied to, in real processes: the file is that of `single`.
import { createServer } from "node:http";
import { afterEach, beforeAll, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { connect, frameOf, joinRun, waitForClose } from "../../scripts/faults/peer.mjs";
import { closeCodes } from "../../src/shared/protocol/close-codes.js";
import { encodeFrame } from "../../src/shared/protocol/frame.js";
import { PROTOCOL_VERSION } from "../../src/shared/protocol/messages.js";
import { RelayTree, workerEvent } from "../support/relay-tree.js";
import { SmallRun } from "../support/small-run.js";
import { killAll, Tandem } from "../support/tandem.js";

const run = new SmallRun(30, [
  ...["--shards", "8", "--batch-size", "16", "--eval-every", "0", "--engine", "wasm"],
]);

beforeAll(() => run.prepare());
afterEach(killAll);

async function expectCalmEnd(tree: RelayTree) {
  const { code, stderr } = await tree.coordinator.ended;
  expect(code, stderr).toBe(0);
  expect(run.digest(tree.cwd)).toBe(run.calmDigest);
}

test.each(["weights", "updates"])(
  "a relay is killed in the middle of a step, with %s: its workers go on through another one",
  async (broadcast) => {
    const tree = await RelayTree.start(run, 3, ["--broadcast", broadcast]);
    const [first, second] = [await tree.relay("first"), await tree.relay("second")];
    tree.worker("a", [first.url, second.url]);
    tree.worker("b", [first.url, second.url]);
    tree.worker("c", [second.url]);
    await tree.coordinator.step(3);
    first.process.kill("SIGKILL");
    for (const name of ["a", "b"]) await workerEvent(second.process, name, "joined");
    await expectCalmEnd(tree);
  },
);

test("a relay is frozen together with its workers: its tasks are computed by others", async () => {
  const tree = await RelayTree.start(run, 2);
  const relay = await tree.relay("relay");
  tree.worker("a", [relay.url]);
  tree.worker("d");
  await tree.coordinator.step(3);
  relay.process.kill("SIGSTOP");
  await expectCalmEnd(tree);
});

test("a worker behind a relay is killed: the relay reassigns its task", async () => {
  const tree = await RelayTree.start(run, 2);
  const relay = await tree.relay("relay");
  const victim = tree.worker("a", [relay.url]);
  // With fewer than two workers the run would pause.
  for (const name of ["b", "c"]) tree.worker(name, [relay.url]);
  for (const name of ["a", "b", "c"]) await workerEvent(relay.process, name, "joined");
  victim.kill("SIGKILL");
  await workerEvent(relay.process, "a", "left");
  await expectCalmEnd(tree);
});

test("the only relay is interrupted: its workers connect to the coordinator", async () => {
  const tree = await RelayTree.start(run, 2);
  const relay = await tree.relay("relay");
  const workers = ["a", "b"].map((name) => tree.worker(name, [relay.url]));
  await tree.coordinator.step(3);
  relay.process.kill("SIGTERM");
  expect((await relay.process.ended).code).toBe(143);
  for (const name of ["a", "b"]) await workerEvent(tree.coordinator, name, "joined");
  await expectCalmEnd(tree);
  for (const worker of workers) expect((await worker.ended).code).toBe(0);
});

test("the coordinator is killed and resumed at the same port: relay and workers continue", async () => {
  const tree = await RelayTree.start(run, 1, ["--checkpoint-every", "3"]);
  const relay = await tree.relay("relay");
  tree.worker("a", [relay.url]);
  await tree.coordinator.event(({ event }) => event === "checkpoint");
  tree.coordinator.kill("SIGKILL");
  await tree.coordinator.ended;
  const { port } = new URL(tree.url);
  const resumed = run.start(
    "coordinator",
    ["--port", port, "--resume", "checkpoint.safetensors"],
    tree.cwd,
  ).process;
  const { code, stderr } = await resumed.ended;
  expect(code, stderr).toBe(0);
  expect(run.digest(tree.cwd)).toBe(run.calmDigest);
  expect((await relay.process.ended).code).toBe(0);
});

test("a lying worker behind a relay loses its connection to the relay, and the coordinator is not affected", async () => {
  const tree = await RelayTree.start(run, 2);
  const relay = await tree.relay("relay");
  let lies = 0;
  const liar = await joinRun(relay.url, {
    name: "liar",
    change: ({ message, parts }) => {
      if (message["type"] !== "result" || lies++ < 3) return [frameOf(message, parts)];
      return [frameOf(message, parts.slice(1))];
    },
  });
  for (const name of ["a", "b"]) tree.worker(name, [relay.url]);
  expect(await waitForClose(liar)).toMatchObject({ code: closeCodes.badResult });
  await workerEvent(relay.process, "liar", "rejected");
  await expectCalmEnd(tree);
  const ofRelay = tree.coordinator.events.filter(({ event }) => event === "worker");
  expect(ofRelay.map(({ name, state }) => [name, state])).toEqual([
    ["relay", "joined"],
    ["relay", "left"],
  ]);
});

test("unusable numbers cost the worker its connection, but not the relay", async () => {
  const tree = await RelayTree.start(run, 2);
  const relay = await tree.relay("relay");
  let answers = 0;
  const liar = await joinRun(relay.url, {
    name: "liar",
    change: ({ message, parts }) => {
      if (message["type"] !== "result" || answers++ < 3) return [frameOf(message, parts)];
      return [
        frameOf(
          message,
          parts.map((part) => new Uint8Array(part.byteLength).fill(0xff)),
        ),
      ];
    },
  });
  for (const name of ["a", "b"]) tree.worker(name, [relay.url]);
  expect(await waitForClose(liar)).toMatchObject({ code: closeCodes.badResult });
  await expectCalmEnd(tree);
});

test("a run that verifies results refuses relays, and their workers connect to the coordinator", async () => {
  const tree = await RelayTree.start(run, 1, ["--verify", "0.5"]);
  const relay = new Tandem(["relay", tree.url, "--port", "0", "--name", "relay"]);
  tree.worker("a", ["ws://127.0.0.1:1"]);
  const { code, stderr } = await relay.ended;
  expect(code).toBe(1);
  expect(stderr).toContain("relays cannot take part");
  await expectCalmEnd(tree);
});

test("a worker with a wrong token is refused by the relay, which by default requires the coordinator's token", async () => {
  const token = "0123456789abcdef";
  const env = { TANDEM_TOKEN: token };
  const tree = await RelayTree.start(run, 1, [], env);
  const relay = new Tandem(["relay", tree.url, "--port", "0", "--json"], { env });
  const url = await relay.url();
  await expect(connect(url)).rejects.toThrow("401");
  const [, other] = await Promise.all([
    expect(connect(url, { authorization: "Bearer wrong" })).rejects.toThrow("401"),
    joinRun(url, { name: "right", token }),
  ]);
  expect(other.readyState).toBe(other.OPEN);
  await expectCalmEnd(tree);
});

test("a coordinator that sends nonsense after its welcome leaves the relay alive", async () => {
  const tree = await RelayTree.start(run, 1);
  // The welcome of a real run, from a coordinator that then sends nonsense.
  const welcome = await new Promise<Buffer>((resolve) => {
    void connect(tree.url).then((socket) => {
      socket.once("message", (data: Buffer) => resolve(data));
      socket.send(frameOf({ type: "hello", protocol: PROTOCOL_VERSION, name: "x", kind: "node" }));
    });
  });
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  let visits = 0;
  const seen = new Promise<void>((resolve) => {
    sockets.on("connection", (socket) => {
      socket.on("error", () => undefined);
      socket.once("message", () => {
        socket.send(welcome);
        socket.send(encodeFrame({ type: "state", step: 3, group: 9, tailChecksum: 0 }));
        socket.send(Buffer.alloc(1000, visits));
        if (++visits === 3) resolve();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const relay = new Tandem(["relay", `ws://127.0.0.1:${port}`, "--port", "0", "--json"]);
  const url = await relay.url();
  await seen;
  expect((await fetch(`${url.replace("ws", "http")}/healthz`)).status).toBe(200);
  expect((await fetch(`${url.replace("ws", "http")}/readyz`)).status).toBe(503);
  expect(relay.process.exitCode).toBeNull();
  for (const client of sockets.clients) client.terminate();
  server.close();
});
