// Opens COUNT connections that send nothing, up to 500 at a time; a connection that is closed is replaced by the next one.
// node silent.mjs URL COUNT      prints a line when the first hundred have been opened
import { connect } from "node:net";

const [url = "", count = "100"] = process.argv.slice(2);
const { hostname, port } = new URL(url);
let total = 0;
let open = 0;

function openNext() {
  if (total >= Number(count) || open >= 500) return;
  total++;
  open++;
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  socket.on("connect", openNext);
  socket.on("close", () => {
    open--;
    setTimeout(openNext, 5);
  });
  if (total === 100) process.stdout.write("100 connections made\n");
}

for (let parallel = 0; parallel < 20; parallel++) openNext();
