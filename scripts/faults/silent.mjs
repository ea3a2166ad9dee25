// Connections that say nothing, as many as are asked for and again as they are closed.
// node silent.mjs URL COUNT      prints a line when the first hundred have been made
import { connect } from "node:net";

const [url = "", count = "100"] = process.argv.slice(2);
const { hostname, port } = new URL(url);
let made = 0;
let open = 0;

function more() {
  if (made >= Number(count) || open >= 500) return;
  made++;
  open++;
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  socket.on("connect", more);
  socket.on("close", () => {
    open--;
    setTimeout(more, 5);
  });
  if (made === 100) process.stdout.write("100 connections made\n");
}

for (let parallel = 0; parallel < 20; parallel++) more();
