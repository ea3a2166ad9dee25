// A state that a relay forwards while it receives it: chunk by chunk, the same bytes, and never silently incomplete.
import { expect, test } from "vitest";
import { createRelayParts, type RelayParts } from "../../src/relay/relay-parts.js";
import { ENGINE_NAMES } from "../../src/shared/engine/engine.js";
import { Events } from "../../src/shared/events.js";
import { sizeOf } from "../../src/shared/network/network.js";
import { closeCodes } from "../../src/shared/protocol/close-codes.js";
import { PROTOCOL_VERSION } from "../../src/shared/protocol/messages.js";
import { configParts } from "../../src/shared/protocol/payloads/config.js";
import { sentTensors, stateFrame } from "../../src/shared/protocol/payloads/state.js";
import { layoutOfRun } from "../../src/shared/run-layout.js";
import { serveConnection } from "../../src/worker/connection.js";
import type { RuntimeHolder } from "../../src/worker/runtime.js";
import { configOf } from "../support/config.js";
import { MemoryTransport } from "../support/memory-transport.js";
import { openSession } from "../support/relay-in-memory.js";

/** The first bucket has a tensor that is sent in many chunks. */
const LAYOUT = layoutOfRun(configOf({ inputShape: [28, 28, 1], classCount: 3, batchSize: 4 }));

function relayWithWorker() {
  let parts: RelayParts | undefined;
  const holder: RuntimeHolder = {
    runtime: undefined,
    create: (layout, kind) => {
      parts = createRelayParts(layout, kind, new Events());
      return parts.runtime;
    },
  };
  const up = new MemoryTransport();
  const resources = { memoryBytes: 1e12, engines: ENGINE_NAMES, computes: false };
  const options = {
    name: "r",
    kind: "relay",
    holder,
    resources,
    onWelcome: () => undefined,
  } as const;
  void serveConnection(up, options, new AbortController().signal);
  const welcome = { type: "welcome", protocol: PROTOCOL_VERSION, name: "r", broadcast: "weights" };
  up.receive(welcome, configParts(LAYOUT.config));
  const down = new MemoryTransport({ acceptsAtOnce: false });
  openSession(down, parts!);
  down.receive({ type: "hello", protocol: PROTOCOL_VERSION, name: "w", kind: "node" });
  down.receive({ type: "ready", numerics: LAYOUT.config.numerics });
  return { up, down, pool: parts!.pool };
}

/** The messages of a group of the state, with values that depend on the step. */
function messagesOf(group: number, step: number): readonly Uint8Array[] {
  const values = sentTensors(LAYOUT, "weights-only", group).map(({ shape }, index) =>
    Float32Array.from({ length: sizeOf(shape) }, (_, at) => step + index + (at % 1000) / 1000),
  );
  return stateFrame(LAYOUT, "weights-only", group, step, values).messages;
}

const wholeState = (step: number) =>
  Buffer.concat([...LAYOUT.buckets.keys()].flatMap((group) => messagesOf(group, step)));

const receiveState = (up: MemoryTransport, step: number) => {
  for (const group of LAYOUT.buckets.keys()) {
    for (const message of messagesOf(group, step)) up.receiveBytes(Uint8Array.from(message));
  }
};

/** What was sent to the worker since the last call; copied, as the relay reuses its memory. */
const sentTo = (down: MemoryTransport) => down.accept().map((message) => Buffer.from(message));

test("the next state's chunks are forwarded as they arrive, with the same bytes", () => {
  const { up, down, pool } = relayWithWorker();
  down.accept();
  receiveState(up, 0);
  expect(Buffer.concat(sentTo(down)).equals(wholeState(0))).toBe(true);
  expect(pool.capacity).toBe(1);
  // Several steps, so that memory is reused.
  for (const step of [1, 2, 3]) {
    for (const group of LAYOUT.buckets.keys()) {
      for (const message of messagesOf(group, step)) {
        up.receiveBytes(Uint8Array.from(message));
        const sent = Buffer.concat(sentTo(down));
        // A small group has no tail.
        expect(sent.equals(Buffer.from(message))).toBe(true);
      }
    }
  }
});

test("a connection that breaks in the middle of a state ends the workers' connections too, as they cannot use part of it", () => {
  const { up, down, pool } = relayWithWorker();
  receiveState(up, 0);
  down.accept();
  const [head, first] = messagesOf(0, 1);
  up.receiveBytes(Uint8Array.from(head!));
  up.receiveBytes(Uint8Array.from(first!));
  up.end(1006, "");
  expect(down.closed).toMatchObject({ code: closeCodes.goingAway });
  expect(pool.capacity).toBe(0);
});

test("a worker that joins in the meantime is first sent the last complete state", () => {
  const { up, down } = relayWithWorker();
  const [head, ...tail] = messagesOf(0, 0);
  up.receiveBytes(Uint8Array.from(head!));
  expect(sentTo(down).length).toBe(1); // the welcome
  for (const message of tail) up.receiveBytes(Uint8Array.from(message));
  for (const message of messagesOf(1, 0)) up.receiveBytes(Uint8Array.from(message));
  expect(Buffer.concat(sentTo(down)).equals(wholeState(0))).toBe(true);
});
