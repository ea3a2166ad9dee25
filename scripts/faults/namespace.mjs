// A network namespace joined to this machine by one virtual cable, which can be pulled: nothing is closed, nothing arrives.
// Needs root and iproute2.
import { execFileSync } from "node:child_process";

let count = 0;

/** @param {string[]} args */
function ip(...args) {
  execFileSync("ip", args, { stdio: "pipe" });
}

/** True where namespaces can be made here. */
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
    /** The address at which this machine is reached from inside. */
    this.hostAddress = `${a}.${b}.${c}.${Number(d) + 1}`;
    /** The address inside. */
    this.address = `${a}.${b}.${c}.${Number(d) + 2}`;
    ip("netns", "add", this.name);
    ip("link", "add", this.cable, "type", "veth", "peer", "name", "eth0", "netns", this.name);
    ip("addr", "add", `${this.hostAddress}/30`, "dev", this.cable);
    ip("link", "set", this.cable, "up");
    ip("-n", this.name, "addr", "add", `${this.address}/30`, "dev", "eth0");
    ip("-n", this.name, "link", "set", "eth0", "up");
    ip("-n", this.name, "link", "set", "lo", "up");
  }

  /** What runs a command inside. */
  get prefix() {
    return ["ip", "netns", "exec", this.name];
  }

  pull() {
    ip("link", "set", this.cable, "down");
  }

  plug() {
    ip("link", "set", this.cable, "up");
  }

  /** Limits both ways of the cable. @param {string} rate such as "1gbit" @param {string} burst such as "256k" */
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

  /** Lets the inside reach other namespaces through this machine, which must forward. */
  routeOut() {
    ip("-n", this.name, "route", "add", "default", "via", this.hostAddress);
  }

  remove() {
    try {
      ip("netns", "delete", this.name);
      ip("link", "delete", this.cable);
    } catch {
      // the cable goes with the namespace
    }
  }
}
