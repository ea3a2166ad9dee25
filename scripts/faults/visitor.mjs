// A process that joins a run, works correctly for a while, misbehaves once in the given way, and leaves.
// node visitor.mjs URL KIND [TOKEN]
import { connect, frameOf, joinRun } from "./peer.mjs";

const [url = "", kind = "", token] = process.argv.slice(2);
const headers = token ? { authorization: `Bearer ${token}` } : undefined;
const CORRECT_ANSWERS = 3;
let answers = 0;

/** @param {import("./peer.mjs").Reply} reply @returns {(Uint8Array | "close")[]} */
function change(reply) {
  const bytes = frameOf(reply.message, reply.parts);
  if (++answers <= CORRECT_ANSWERS) return [bytes];
  switch (kind) {
    case "duplicate":
      return answers > CORRECT_ANSWERS + 10 ? [bytes, "close"] : [bytes, bytes];
    case "cut frame":
      return [bytes.subarray(0, Math.floor(bytes.length / 2)), "close"];
    case "altered frame": {
      const place = Math.floor(bytes.length * Math.random());
      bytes[place] = (bytes[place] ?? 0) ^ 0x10;
      return [bytes];
    }
    default:
      return ["close"];
  }
}

if (kind === "garbage") {
  const socket = await connect(url, headers);
  socket.on("error", () => undefined);
  socket.send(Buffer.from("this is not a frame"));
} else {
  const socket = await joinRun(url, {
    name: kind.replaceAll(" ", "-"),
    change,
    ...(token ? { token } : {}),
  });
  setTimeout(() => socket.terminate(), 4_000).unref();
}
setTimeout(() => process.exit(0), 5_000).unref();
