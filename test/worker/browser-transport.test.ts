// The transport of browsers over real sockets: the client of `ws` has a browser's interface. What only a browser decides, as
// when it has sent something, is played.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { dialFromBrowser } from "../../src/worker/browser-dial.js";
import { type BrowserSocket, BrowserTransport } from "../../src/worker/browser-transport.js";
import type { TransportHandlers } from "../../src/shared/protocol/transport.js";

const servers: WebSocketServer[] = [];
const never = new AbortController().signal;

function openSocket(url: string): BrowserSocket {
  const socket = new WebSocket(url);
  // As in browsers, an error without a listener is not thrown.
  socket.on("error", () => undefined);
  return socket as unknown as BrowserSocket;
}
afterEach(() => {
  vi.useRealTimers();
  for (const server of servers.splice(0)) {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});

async function listen(): Promise<{ server: WebSocketServer; url: string }> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  servers.push(server);
  await once(server, "listening");
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function recorder() {
  return {
    onMessage: vi.fn<TransportHandlers["onMessage"]>(),
    onBytes: vi.fn<(byteLength: number) => void>(),
    onClose: vi.fn<TransportHandlers["onClose"]>(),
    onError: vi.fn<(error: Error) => void>(),
  };
}

/** Both ends of a connection. */
async function connect() {
  const { server, url } = await listen();
  const peer = once(server, "connection") as Promise<[WebSocket]>;
  const handlers = recorder();
  const transport = await dialFromBrowser(url, openSocket, never, (opened) => {
    opened.open(handlers);
    return Promise.resolve(opened);
  });
  if (!(transport instanceof BrowserTransport)) throw new Error("no connection");
  const [coordinator] = await peer;
  return { transport, handlers, coordinator };
}

test("carries messages in both directions, complete and in order, and counts their bytes", async () => {
  const { transport, handlers, coordinator } = await connect();
  const messages = [0, 1, 70_000, 3_000_000].map((length) => new Uint8Array(length).fill(length));
  for (const message of messages) coordinator.send(message);
  await vi.waitFor(() => expect(handlers.onMessage).toHaveBeenCalledTimes(messages.length));
  const received = handlers.onMessage.mock.calls;
  expect(received.map(([message]) => Buffer.from(message).equals(messages.shift()!))).toEqual(
    received.map(() => true),
  );
  expect(received.every(([, isBinary]) => isBinary)).toBe(true);
  expect(transport.bytesReceived).toBe(3_070_001);
  expect(handlers.onBytes.mock.calls.flat()).toEqual([0, 1, 70_000, 3_000_000]);

  const answer = once(coordinator, "message") as Promise<[Buffer]>;
  transport.send(Uint8Array.of(1, 2, 3));
  expect([...(await answer)[0]]).toEqual([1, 2, 3]);
  await vi.waitFor(() => expect(transport.bytesSent).toBe(3));
});

test("text is not a binary message", async () => {
  const { handlers, coordinator } = await connect();
  coordinator.send("hello");
  await vi.waitFor(() => expect(handlers.onMessage).toHaveBeenCalledOnce());
  expect(handlers.onMessage).toHaveBeenCalledWith(new Uint8Array(0), false);
});

test("closes with its own codes, and with 1000 instead of codes that scripts may not use", async () => {
  for (const [code, sent] of [
    [4000, 4000],
    [1001, 1000],
    [1000, 1000],
  ] as const) {
    const { transport, handlers, coordinator } = await connect();
    const closed = once(coordinator, "close") as Promise<[number, Buffer]>;
    transport.close(code, "é".repeat(100));
    expect(transport.isOpen).toBe(false);
    const [received, reason] = await closed;
    expect([received, reason.toString()]).toEqual([sent, "é".repeat(61)]);
    await vi.waitFor(() => expect(handlers.onClose).toHaveBeenCalledOnce());
  }
});

test("reports how the peer closed the connection, or that it broke", async () => {
  const first = await connect();
  first.coordinator.close(4007, "too many failures");
  await vi.waitFor(() =>
    expect(first.handlers.onClose).toHaveBeenCalledWith(4007, "too many failures"),
  );
  const second = await connect();
  second.coordinator.terminate();
  await vi.waitFor(() => expect(second.handlers.onClose).toHaveBeenCalledWith(1006, ""));
});

test("reports that it was destroyed, and nothing after that", async () => {
  const { transport, handlers, coordinator } = await connect();
  const closed = once(coordinator, "close");
  transport.destroy();
  expect(handlers.onClose).toHaveBeenCalledWith(1006, "");
  await closed;
  coordinator.send("late");
  expect(handlers.onClose).toHaveBeenCalledOnce();
  expect(handlers.onMessage).not.toHaveBeenCalled();
});

/** A socket whose sending is controlled by the test. */
function playedSocket() {
  const socket: BrowserSocket & { bufferedAmount: number } = {
    ...{ binaryType: "arraybuffer", readyState: 1, bufferedAmount: 0 },
    ...{ onopen: null, onmessage: null, onerror: null, onclose: null },
    send: ({ byteLength }) => void (socket.bufferedAmount += byteLength),
    close: () => undefined,
  };
  return socket;
}

test("a message is drained when the browser has sent all of it, or when the connection ends", () => {
  vi.useFakeTimers();
  const socket = playedSocket();
  const transport = new BrowserTransport(socket);
  transport.open(recorder());
  const drained: string[] = [];
  for (const name of ["a", "b", "c"]) {
    transport.send(new Uint8Array(100), () => drained.push(name));
  }
  vi.advanceTimersByTime(1000);
  expect([drained, transport.bytesSent]).toEqual([[], 0]);
  socket.bufferedAmount = 101;
  vi.advanceTimersByTime(1000);
  expect([drained, transport.bytesSent]).toEqual([["a"], 199]);
  socket.onclose!({ code: 1006, reason: "" });
  expect(drained).toEqual(["a", "b", "c"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("there is no polling while nothing waits", () => {
  vi.useFakeTimers();
  const socket = playedSocket();
  const transport = new BrowserTransport(socket);
  transport.send(new Uint8Array(9));
  expect(vi.getTimerCount()).toBe(0);
  transport.send(new Uint8Array(9), () => undefined);
  expect(vi.getTimerCount()).toBe(1);
  socket.bufferedAmount = 0;
  vi.advanceTimersByTime(1000);
  expect(vi.getTimerCount()).toBe(0);
});

test("dialling ends on a refused connection, after 10 s, for an invalid address, and on abort", async () => {
  const serve = vi.fn(() => Promise.resolve("served"));
  const { server, url } = await listen();
  server.close();
  const failed = await dialFromBrowser(url, openSocket, never, serve);
  expect(failed).toEqual({ kind: "failed", reason: "no connection" });

  const impossible = await dialFromBrowser("no address", openSocket, never, serve);
  expect(impossible).toMatchObject({ kind: "refused" });

  vi.useFakeTimers();
  const close = vi.fn();
  const silent = { ...playedSocket(), close };
  const late = dialFromBrowser("ws://a", () => silent, never, serve);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await late).toEqual({ kind: "failed", reason: "no connection within 10 s" });
  expect(close).toHaveBeenCalledOnce();

  const stop = new AbortController();
  const stopped = dialFromBrowser("ws://a", playedSocket, stop.signal, serve);
  stop.abort();
  expect(await stopped).toEqual({ kind: "stopped" });
  expect(await dialFromBrowser("ws://a", playedSocket, stop.signal, serve)).toEqual({
    kind: "stopped",
  });
  expect(serve).not.toHaveBeenCalled();
});
