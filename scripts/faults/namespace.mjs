// A network namespace connected to this machine by a virtual cable (veth). The cable can be pulled: then no connection is closed,
// and nothing arrives. Needs root and iproute2.
import { execFileSync } from "node:child_process";

let count = 0;

/** @param {string[]} args */
function ip(...args) {
  execFileSync("ip", args, { stdio: "pipe" });
}

/** True if namespaces can be created on this machine. */
export function canMakeNamespaces() {
  if (process.getuid?.() !== 0) return false;
  const name = `tandem-probe-${process.pid}`;
  try {
    ip("netns", "add", name);
    ip("netns", "delete", name);
    return true;
  } catch {
    return false;
  }
}

export class Namespace {
  constructor() {
    const number = ++count;
    this.name = `tandem-${process.pid}-${number}`;
    this.cable = `td${process.pid % 10_000}n${number}`;
    const net = `10.231.${process.pid % 250}.${4 * number}`;
    const [a = "", b = "", c = "", d = "0"] = net.split(".");
    /** This machine's address, as seen from inside the namespace. */
    this.hostAddress = `${a}.${b}.${c}.${Number(d) + 1}`;
    /** The namespace's own address. */
    this.address = `${a}.${b}.${c}.${Number(d) + 2}`;
    ip("netns", "add", this.name);
    ip("link", "add", this.cable, "type", "veth", "peer", "name", "eth0", "netns", this.name);
    ip("addr", "add", `${this.hostAddress}/30`, "dev", this.cable);
    ip("link", "set", this.cable, "up");
    ip("-n", this.name, "addr", "add", `${this.address}/30`, "dev", "eth0");
    ip("-n", this.name, "link", "set", "eth0", "up");
    ip("-n", this.name, "link", "set", "lo", "up");
  }

  /** Command prefix that runs a command inside the namespace. */
  get prefix() {
    return ["ip", "netns", "exec", this.name];
  }

  pull() {
    ip("link", "set", this.cable, "down");
  }

  plug() {
    ip("link", "set", this.cable, "up");
  }

  /** Limits the cable's rate in both directions. @param {string} rate such as "1gbit" @param {string} burst such as "256k" */
  limit(rate, burst) {
    const shape = ["root", "tbf", "rate", rate, "burst", burst, "latency", "50ms"];
    execFileSync("tc", ["qdisc", "replace", "dev", this.cable, ...shape], { stdio: "pipe" });
    execFileSync(
      "ip",
      ["netns", "exec", this.name, "tc", "qdisc", "replace", "dev", "eth0", ...shape],
      {
        stdio: "pipe",
      },
    );
  }

  /** Routes to other namespaces through this machine, which must have IP forwarding on. */
  routeOut() {
    ip("-n", this.name, "route", "add", "default", "via", this.hostAddress);
  }

  remove() {
    try {
      ip("netns", "delete", this.name);
      ip("link", "delete", this.cable);
    } catch {
      // the cable is removed with the namespace
    }
  }
}
