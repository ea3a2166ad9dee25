// A worker that dials something other than its coordinator: proxies, wrong servers, hostile ones.
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createHash } from "node:crypto";
import { rootCertificates } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { encodeFrame } from "../../src/shared/protocol/frame.js";
import { ENGINE_NAMES } from "../../src/shared/engine/engine.js";
import { serveConnection } from "../../src/worker/connection.js";
import type { ConnectionEnd } from "../../src/worker/connection-end.js";
import { dial, trustedCertificates } from "../../src/worker/dial.js";
import { killAll } from "../support/tandem.js";
import { worker } from "../support/small-run.js";
import { welcome } from "../support/welcome.js";

const servers: Server[] = [];

afterEach(() => {
  killAll();
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const never = new AbortController().signal;

function connect(url: string) {
  return dial<ConnectionEnd>(url, {}, never, (transport) =>
    serveConnection(
      transport,
      {
        name: "me",
        kind: "node",
        resources: { memoryBytes: 1e12, engines: ENGINE_NAMES },
        holder: {
          runtime: undefined,
          create: () => {
            throw new Error("nothing to compute here");
          },
        },
        onWelcome: () => undefined,
      },
      never,
    ),
  );
}

test.each([
  [502, "failed"],
  [503, "failed"],
  [504, "failed"],
  [401, "refused"],
  [403, "refused"],
  [404, "refused"],
  [500, "refused"],
])("HTTP %i is %s", async (status, kind) => {
  const server = createHttpServer();
  server.on("upgrade", (_request, socket) =>
    socket.end(`HTTP/1.1 ${status} no\r\nContent-Length: 0\r\n\r\n`),
  );
  expect(await connect(await listen(server))).toMatchObject({ kind });
});

test("bytes that arrive together with the 101 response are not lost", async () => {
  const server = createServer((socket: Socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (request: Buffer) => {
      const key = /sec-websocket-key: (.+)\r\n/i.exec(request.toString())![1]!;
      const accept = createHash("sha1")
        .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest("base64");
      const message = encodeFrame({ type: "end", reason: "finished" });
      const head = Buffer.from([0x82, message.byteLength]);
      const response = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
      socket.write(Buffer.concat([Buffer.from(response), head, message]));
    });
  });
  expect(await connect(await listen(server))).toEqual({ kind: "ended", reason: "finished" });
});

test("a worker that is asked to stop while it dials does so", async () => {
  const stop = new AbortController();
  const url = await listen(createServer((socket) => void socket.on("error", () => undefined)));
  const result = dial(url, {}, stop.signal, () => Promise.reject(new Error("not open")));
  stop.abort();
  expect(await result).toEqual({ kind: "stopped" });
});

test("given certificates are added to the system's", () => {
  const given = Buffer.from("given");
  const trusted = trustedCertificates(given);
  expect(trusted).toContain(given);
  expect(trusted.length).toBeGreaterThan(rootCertificates.length / 2);
});

test("a run with 4e9 shards ends a worker with a one-line error and exit code 1", async () => {
  const server = createHttpServer();
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => {
    socket.once("message", () => socket.send(encodeFrame(...welcome({ shards: 4e9 }))));
  });
  const { code, stderr } = await worker(await listen(server)).ended;
  expect(code).toBe(1);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(stderr).toContain("4000000000 shards");
});

test.each(["ws://user:hunter2@127.0.0.1:1", "user:hunter2@127.0.0.1:1", "mailto:a?token=hunter2"])(
  "the secret in %s is not printed",
  async (url) => {
    const { code, stdout, stderr } = await worker(url).ended;
    expect(code).toBe(2);
    expect(stdout + stderr).not.toContain("hunter2");
  },
);

test("the token in a URL's query is not printed", async () => {
  const url = "ws://127.0.0.1:1/?token=hunter2";
  const { code, stdout, stderr } = await worker(url, "--retry-for", "0.1", "--json").ended;
  expect(code).toBe(1);
  expect(stdout + stderr).not.toContain("hunter2");
});
