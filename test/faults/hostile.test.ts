// Hostile peers: each loses its connection with a reason, and the run is not affected.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { connect, frameOf, joinRun, waitForClose } from "../../scripts/faults/peer.mjs";
import { closeCodes } from "../../src/shared/protocol/close-codes.js";
import { PROTOCOL_VERSION } from "../../src/shared/protocol/messages.js";
import { temporaryFolder } from "../support/data.js";
import { SmallRun, worker } from "../support/small-run.js";
import { killAll, Tandem, tandem } from "../support/tandem.js";

const run = new SmallRun(100_000);
let coordinator: Tandem;
let url: string;

const hello = (name = "evil") =>
  frameOf({ type: "hello", protocol: PROTOCOL_VERSION, name, kind: "node" });

type Reply = { message: Record<string, unknown>; parts: ArrayBufferView[] };

beforeAll(async () => {
  coordinator = run.start("coordinator", ["--port", "0", "--eval-every", "0"]).process;
  url = await coordinator.url();
  const honest = worker(url, "--name", "honest");
  await coordinator.step(10);
  expect(honest.process.exitCode).toBeNull();
});

afterAll(async () => {
  coordinator.kill("SIGTERM");
  expect((await coordinator.ended).code).toBe(143);
  killAll();
});

/** Shows that the run is alive: waits for a step that had not started when the peer misbehaved. */
async function expectRunGoesOn() {
  const steps = coordinator.events.filter(({ event }) => event === "step");
  await coordinator.step(Number(steps.at(-1)?.["step"]) + 3);
}

describe("before hello, the connection is closed for", () => {
  test.each<[string, Uint8Array | string, number]>([
    ["text", "hello", closeCodes.badMessage],
    ["nothing at all", new Uint8Array(0), closeCodes.badMessage],
    ["random bytes", Buffer.from("ffffffff00112233", "hex"), closeCodes.badMessage],
    ["a header that is too long", Buffer.from("00ffff00", "hex"), closeCodes.badMessage],
    ["a message of no kind", frameOf({ type: "nonsense" }), closeCodes.badMessage],
    ["ready", frameOf({ type: "ready", numerics: "0".repeat(64) }), closeCodes.unexpected],
    [
      "an older version",
      frameOf({ type: "hello", protocol: 0, name: "old", hat: true }),
      closeCodes.version,
    ],
    ["a newer version", frameOf({ type: "hello", protocol: 99, who: 1 }), closeCodes.version],
    ["a name that is too long", hello("x".repeat(65)), closeCodes.badMessage],
  ])("%s", async (_what, bytes, code) => {
    const socket = await connect(url);
    socket.send(bytes);
    expect(await waitForClose(socket)).toMatchObject({ code });
    await expectRunGoesOn();
  });

  test("a message larger than any result", async () => {
    const socket = await connect(url);
    socket.send(Buffer.alloc(64 * 1024 * 1024));
    // 1006 if the connection was gone before the sender could read the reason.
    expect([closeCodes.tooMany, 1006]).toContain((await waitForClose(socket)).code);
    await expectRunGoesOn();
  });

  test("a second hello", async () => {
    const socket = await connect(url);
    socket.send(hello());
    socket.send(hello());
    expect(await waitForClose(socket)).toMatchObject({ code: closeCodes.unexpected });
  });

  test("bytes that are not even HTTP", async () => {
    const { hostname, port } = new URL(url);
    const socket = connectTcp(Number(port), hostname);
    socket.write("\0\0\0\0 not http \r\n\r\n");
    await new Promise((resolve) => socket.on("close", resolve).on("error", () => undefined));
    await expectRunGoesOn();
  });

  test("a page from another origin", async () => {
    await expect(connect(url, { origin: "https://example.org" })).rejects.toThrow("403");
  });
});

describe("invalid answers", () => {
  const floats = (part: ArrayBufferView | undefined) => part as Float32Array;
  const cases: [string, (reply: Reply) => Uint8Array][] = [
    ["for another step", ({ message, parts }) => frameOf({ ...message, step: 0 }, parts)],
    ["for another shard", ({ message, parts }) => frameOf({ ...message, shard: 77 }, parts)],
    ["with a part too few", ({ message, parts }) => frameOf(message, parts.slice(1))],
    ["with a part too many", ({ message, parts }) => frameOf(message, [...parts, parts[0]!])],
    [
      "of another length",
      ({ message, parts }) => frameOf(message, [floats(parts[0]).subarray(1), ...parts.slice(1)]),
    ],
    [
      "with NaN in them",
      (reply) => {
        floats(reply.parts[2])[5] = NaN;
        return frameOf(reply.message, reply.parts);
      },
    ],
    [
      "with an infinite number",
      (reply) => {
        floats(reply.parts[0])[0] = Infinity;
        return frameOf(reply.message, reply.parts);
      },
    ],
    [
      "with a bit flipped in transit",
      (reply) => {
        const bytes = frameOf(reply.message, reply.parts);
        bytes[bytes.length - 100]! ^= 4;
        return bytes;
      },
    ],
    [
      "with an infinite loss",
      ({ message, parts }) => frameOf({ ...message, loss: Infinity }, parts),
    ],
    ["with a field too many", ({ message, parts }) => frameOf({ ...message, extra: 1 }, parts)],
  ];
  test.each(cases)("%s", async (_what, spoil) => {
    const change = (reply: Reply) =>
      reply.message["type"] === "result" ? [spoil(reply)] : [frameOf(reply.message, reply.parts)];
    const socket = await joinRun(url, { name: `spoil-${Math.random()}`, change });
    const { code } = await waitForClose(socket);
    expect([closeCodes.badResult, closeCodes.badMessage]).toContain(code);
    await expectRunGoesOn();
  });

  /** Returns what is sent instead of the first bucket's gradients; the rest of the answer follows. */
  const bucketCases: [string, (reply: Reply) => Uint8Array[]][] = [
    ["that never comes", () => []],
    ["of an unknown number", ({ message, parts }) => [frameOf({ ...message, bucket: 7 }, parts)]],
    [
      "with a huge number",
      ({ message, parts }) => {
        return [frameOf({ ...message, bucket: Number.MAX_SAFE_INTEGER }, parts)];
      },
    ],
    // The last bucket's gradients are sent with the result.
    ["that is out of order", ({ message, parts }) => [frameOf({ ...message, bucket: 1 }, parts)]],
    ["for another step", ({ message, parts }) => [frameOf({ ...message, step: 0 }, parts)]],
    ["for another shard", ({ message, parts }) => [frameOf({ ...message, shard: 77 }, parts)]],
    ["with a part too few", ({ message, parts }) => [frameOf(message, parts.slice(1))]],
    ["with parts in another order", ({ message, parts }) => [frameOf(message, parts.toReversed())]],
    [
      "with NaN in it",
      ({ message, parts }) => {
        floats(parts[0])[0] = NaN;
        return [frameOf(message, parts)];
      },
    ],
    [
      "with an invalid number",
      ({ message, parts }) => [frameOf({ ...message, bucket: -1 }, parts)],
    ],
  ];
  test.each(bucketCases)("with a bucket %s", async (_what, spoil) => {
    const change = (reply: Reply) =>
      reply.message["type"] === "gradients" ? spoil(reply) : [frameOf(reply.message, reply.parts)];
    const socket = await joinRun(url, { name: `spoil-${Math.random()}`, change });
    const { code } = await waitForClose(socket);
    expect([closeCodes.badResult, closeCodes.badMessage]).toContain(code);
    await expectRunGoesOn();
  });

  test("more messages than requested", async () => {
    const socket = await connect(url);
    socket.send(hello("flood"));
    const answer = { type: "evaluated", task: 1e9, lossSum: 0, computed: { from: 0, to: 1 } };
    socket.send(frameOf({ type: "ready", numerics: await coordinator.numerics() }));
    for (let count = 0; count < 500; count++) socket.send(frameOf(answer));
    expect(await waitForClose(socket)).toMatchObject({ code: closeCodes.tooMany });
    await expectRunGoesOn();
  });

  test("none at all, from a peer that does not read either", async () => {
    const socket = await joinRun(url, { name: "deaf" });
    socket.pause();
    const left = await coordinator.event(
      (event) => event["name"] === "deaf" && event["state"] === "left",
    );
    expect(left["reason"]).toMatch(/silent|answers none of its tasks|does not read/);
    await expectRunGoesOn();
    socket.terminate();
  });

  test("sent repeatedly ban the worker temporarily", async () => {
    let code = 0;
    for (let attempt = 0; attempt < 5 && code !== closeCodes.banned; attempt++) {
      const socket = await connect(url);
      socket.send(hello("persistent"));
      socket.send(frameOf({ type: "nonsense" }));
      ({ code } = await waitForClose(socket));
    }
    expect(code).toBe(closeCodes.banned);
  });
});

describe("the token", () => {
  const folder = temporaryFolder();
  const right = join(folder, "right");
  const wrong = join(folder, "wrong");
  beforeAll(() => {
    writeFileSync(right, "correct-horse-battery\n");
    writeFileSync(wrong, "correct-horse-batterz\n");
  });
  afterEach(() => undefined);

  test("admits peers that have it, and nobody else; it is never printed", async () => {
    const short = new SmallRun(40);
    const guarded = short.start("coordinator", ["--port", "0", "--token-file", right]).process;
    const address = await guarded.url();
    const without = await tandem(["worker", address, "--retry-for", "1"]);
    expect(without.code).toBe(1);
    expect(without.stderr).toContain("token");
    const withWrong = await tandem(["worker", address, "--token-file", wrong]);
    expect(withWrong.code).toBe(1);
    const withRight = new Tandem(["worker", address], {
      env: { TANDEM_TOKEN: "correct-horse-battery" },
    });
    const ended = await guarded.ended;
    expect(ended.code).toBe(0);
    const other = await withRight.ended;
    expect(other.code).toBe(0);
    for (const text of [ended.stdout, ended.stderr, other.stderr, withWrong.stderr]) {
      expect(text).not.toContain("correct-horse");
    }
  });
});

test("TLS: a worker that trusts the certificate works, another one gets an error", async () => {
  const folder = temporaryFolder();
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const outputs = ["-keyout", key, "-out", cert, "-days", "2", "-nodes"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...outputs, ...subject], {
    stdio: "ignore",
  });
  const tls = ["--tls-cert", cert, "--tls-key", key];
  const secure = new SmallRun(20).start("coordinator", ["--port", "0", ...tls]).process;
  const address = await secure.url();
  expect(address).toMatch(/^wss:/);
  const blind = await tandem(["worker", address, "--retry-for", "0.2"]);
  expect(blind.code).toBe(1);
  expect(blind.stderr).toContain("certificate");
  const seeing = await tandem(["worker", address, "--tls-ca", cert]);
  expect(seeing.code).toBe(0);
  expect((await secure.ended).code).toBe(0);
});

test("a worker says which side to update if the coordinator speaks another version", async () => {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => {
    socket.on("error", () => undefined);
    socket.on("message", () => socket.send(frameOf({ type: "welcome", protocol: 99, new: true })));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const { code, stderr } = await tandem(["worker", `ws://127.0.0.1:${port}`]);
  expect(code).toBe(1);
  expect(stderr).toContain("update the worker");
  for (const client of sockets.clients) client.terminate();
  server.close();
});
