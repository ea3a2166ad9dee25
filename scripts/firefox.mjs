// Drives the system's Firefox over WebDriver BiDi (w3.org/TR/webdriver-bidi): a session, pages, and expressions in them. Playwright
// only drives its own builds of Firefox, and another driver would bring a hundred packages to save these few lines.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";

const PLACES = ["/usr/bin/firefox-esr", "/usr/bin/firefox"];
const START_MS = 60_000;
const POLL_MS = 200;

/** Undefined if there is none. TANDEM_FIREFOX gives the path of one that is elsewhere. */
export const firefoxPath =
  process.env["TANDEM_FIREFOX"] ?? PLACES.find((place) => existsSync(place));

/** @typedef {{ resolve: (result: any) => void, reject: (error: Error) => void }} Waiting */

export class Firefox {
  /** @param {import("node:child_process").ChildProcess} process @param {WebSocket} socket @param {string} profile */
  constructor(process, socket, profile) {
    this.process = process;
    this.socket = socket;
    this.profile = profile;
    /** Set once there is a session. */
    this.version = "";
    this.nextId = 1;
    /** @type {Map<number, Waiting>} */
    this.waiting = new Map();
    socket.on("message", (/** @type {Buffer} */ data) => {
      const message = JSON.parse(data.toString());
      const waiting = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if (message.type === "error")
        waiting?.reject(new Error(`${message.error}: ${message.message}`));
      else waiting?.resolve(message.result);
    });
    socket.on("close", () => {
      for (const { reject } of this.waiting.values()) reject(new Error("Firefox has ended"));
    });
  }

  /** @param {string} method @param {object} params @returns {Promise<any>} */
  send(method, params) {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** A new tab. @param {string} url @returns {Promise<FirefoxPage>} */
  async open(url) {
    const { context } = await this.send("browsingContext.create", { type: "tab" });
    await this.send("browsingContext.navigate", { context, url, wait: "complete" });
    return new FirefoxPage(this, context);
  }

  async close() {
    this.socket.close();
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGTERM");
    await ended;
    rmSync(this.profile, { recursive: true, force: true });
  }
}

export class FirefoxPage {
  /** @param {Firefox} firefox @param {string} context */
  constructor(firefox, context) {
    this.firefox = firefox;
    this.context = context;
  }

  /** The value of an expression; promises are awaited. @param {string} expression @returns {Promise<any>} */
  async evaluate(expression) {
    const answer = await this.firefox.send("script.evaluate", {
      expression: `(async () => JSON.stringify(await (${expression})))()`,
      target: { context: this.context },
      awaitPromise: true,
    });
    if (answer.type === "exception") throw new Error(answer.exceptionDetails.text);
    return answer.result.type === "string" ? JSON.parse(answer.result.value) : undefined;
  }

  /** Waits until the expression is true. @param {string} expression @param {number} timeoutMs */
  async waitFor(expression, timeoutMs) {
    const deadlineMs = performance.now() + timeoutMs;
    while (!(await this.evaluate(expression))) {
      if (performance.now() > deadlineMs)
        throw new Error(`not true within ${timeoutMs} ms: ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Reloads the page. */
  async reload() {
    await this.firefox.send("browsingContext.reload", { context: this.context, wait: "complete" });
  }

  async close() {
    await this.firefox.send("browsingContext.close", { context: this.context });
  }
}

/** @returns {Promise<Firefox>} */
export async function openFirefox() {
  if (firefoxPath === undefined)
    throw new Error("no Firefox found; set TANDEM_FIREFOX to its path");
  const profile = mkdtempSync(join(tmpdir(), "tandem-firefox-"));
  const args = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"];
  const firefox = spawn(firefoxPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  try {
    const url = await biDiUrl(firefox);
    const socket = new WebSocket(`${url}/session`);
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const session = new Firefox(firefox, socket, profile);
    const { capabilities } = await session.send("session.new", { capabilities: {} });
    session.version = capabilities.browserVersion;
    return session;
  } catch (error) {
    firefox.kill("SIGKILL");
    rmSync(profile, { recursive: true, force: true });
    throw error;
  }
}

/** Firefox prints its address once it listens. @param {import("node:child_process").ChildProcess} firefox @returns {Promise<string>} */
function biDiUrl(firefox) {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => reject(new Error(`Firefox does not start\n${text}`)), START_MS);
    firefox.once("error", reject);
    firefox.once("exit", () => reject(new Error(`Firefox has ended\n${text}`)));
    firefox.stderr?.on("data", (/** @type {Buffer} */ chunk) => {
      text += chunk.toString();
      const [, url] = /WebDriver BiDi listening on (ws:\S+)/.exec(text) ?? [];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    });
  });
}
