// A process that joins a run, works truly for a while, misbehaves once in the way it was told, and goes.
// node visitor.mjs URL KIND [TOKEN]
import { connect, frameOf, joinRun } from "./peer.mjs";

const [url = "", kind = "", token] = process.argv.slice(2);
const headers = token ? { authorization: `Bearer ${token}` } : undefined;
const TRUE_ANSWERS = 3;
let answers = 0;

/** @param {import("./peer.mjs").Reply} reply @returns {(Uint8Array | "close")[]} */
function change(reply) {
  const bytes = frameOf(reply.message, reply.parts);
  if (++answers <= TRUE_ANSWERS) return [bytes];
  switch (kind) {
    case "duplicate":
      return answers > TRUE_ANSWERS + 10 ? [bytes, "close"] : [bytes, bytes];
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
  socket.send(Buffer.from("this is no frame"));
} else {
  const socket = await joinRun(url, {
    name: kind.replaceAll(" ", "-"),
    change,
    ...(token ? { token } : {}),
  });
  setTimeout(() => socket.terminate(), 4_000).unref();
}
setTimeout(() => process.exit(0), 5_000).unref();
