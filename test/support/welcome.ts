// A coordinator's welcome to a small run.
import type { RunConfig } from "../../src/shared/config.js";
import { PROTOCOL_VERSION } from "../../src/shared/protocol/messages.js";
import { configOf } from "./config.js";

/** @returns header and parts, for `encodeFrame` */
export function welcome(
  config: Partial<RunConfig> | Record<string, unknown> = {},
  name = "first",
): [header: object, parts: Uint8Array[]] {
  const header = { type: "welcome", protocol: PROTOCOL_VERSION, name, broadcast: "weights" };
  // Not `configText`, which would itself refuse configurations that the worker must refuse.
  const text = JSON.stringify({ ...configOf(), ...config });
  return [header, [new TextEncoder().encode(text)]];
}
