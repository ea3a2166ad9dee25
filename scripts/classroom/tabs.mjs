// The tabs of a classroom, each with its own process: opens them, disturbs them as pupils would, and measures them.
import { constants, setPriority } from "node:os";
import { compute, press, shows } from "../join-tab.mjs";
import { privateMbOf } from "./held.mjs";

/** @typedef {import("playwright-core").Browser} Browser */
/** @typedef {import("playwright-core").Page} Page */
/** @typedef {{page: Page, pid: number}} Desk */

/** Attempts to find a tab's process as the only one with its processor time. */
const MAX_TRIES = 20;
const BUSY_MS = 50;
const RAISE_MS = 500;
/** Allowed difference between the browser's and the page's values of a process's time. */
const TICK_S = 0.01;

export class Classroom {
  /** @param {Browser} browser @param {string} url of the page /join @param {number} cores of each tab */
  constructor(browser, url, cores) {
    this.browser = browser;
    this.url = url;
    this.cores = cores;
    /** @type {Map<string, Desk>} */
    this.desks = new Map();
  }

  /** A tab that is ready to join. @param {string} name */
  async open(name) {
    const page = await this.browser.newPage();
    await page.addInitScript(
      `Object.defineProperty(navigator, "hardwareConcurrency", { value: ${this.cores} });`,
    );
    const raising = setInterval(() => {
      this.raisePriorities().catch(() => undefined);
    }, RAISE_MS);
    try {
      await page.goto(this.url);
      await shows(page, "Ready");
    } finally {
      clearInterval(raising);
    }
    this.desks.set(name, { page, pid: await this.processOf(page) });
  }

  /** @param {string} name */
  async join(name) {
    await compute(this.desk(name).page, name, this.cores);
  }

  /**
   * @param {string} name
   * @param {"close" | "leave" | "reload" | "sleep"} kind
   * @returns {Promise<() => Promise<void>>} undoes it
   */
  async disturb(name, kind) {
    const { page, pid } = this.desk(name);
    switch (kind) {
      case "close":
        await page.context().close();
        this.desks.delete(name);
        return async () => {
          await this.open(name);
          await this.join(name);
        };
      case "leave":
        await press(page);
        return async () => {
          await shows(page, "Left");
          await press(page);
        };
      case "reload":
        await page.reload();
        return async () => undefined;
      case "sleep":
        process.kill(pid, "SIGSTOP");
        return async () => void process.kill(pid, "SIGCONT");
    }
  }

  /** What all tabs hold; of the first ones, which are not disturbed, also their work. @param {number} undisturbedCount */
  async measure(undisturbedCount) {
    const renderers = await this.renderers();
    const pids = [...this.desks.values()].map(({ pid }) => pid);
    const undisturbed = pids.slice(0, undisturbedCount);
    return {
      processes: pids.length,
      privateMb: pids.reduce((sum, pid) => sum + privateMbOf(pid), 0),
      undisturbedMb: undisturbed.map(privateMbOf),
      undisturbedCpuS: undisturbed.map(
        (pid) => renderers.find(({ id }) => id === pid)?.cpuTime ?? 0,
      ),
    };
  }

  /** @param {string} name @returns {Desk} */
  desk(name) {
    const desk = this.desks.get(name);
    if (!desk) throw new Error(`no tab ${name}`);
    return desk;
  }

  /** Chromium does not name a tab's process: it is the one that has used as much processor time as the tab. @param {Page} page */
  async processOf(page) {
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable");
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      await page.evaluate(
        `for (const from = performance.now(); performance.now() < from + ${BUSY_MS};);`,
      );
      const before = new Map((await this.renderers()).map(({ id, cpuTime }) => [id, cpuTime]));
      const { metrics } = await session.send("Performance.getMetrics");
      const own = metrics.find(({ name }) => name === "ProcessTime")?.value ?? NaN;
      const [candidate, ...others] = (await this.renderers()).filter(
        ({ id, cpuTime }) => (before.get(id) ?? 0) - TICK_S <= own && own <= cpuTime + TICK_S,
      );
      if (!candidate || others.length > 0) continue;
      await session.detach();
      return candidate.id;
    }
    throw new Error("the tab's process cannot be distinguished from others");
  }

  /**
   * Chromium runs a tab that is not drawn yet with the lowest priority. If other tabs keep all cores busy, it would never become
   * ready.
   */
  async raisePriorities() {
    for (const { id } of await this.renderers()) {
      try {
        setPriority(id, constants.priority.PRIORITY_NORMAL);
      } catch {
        // It has ended, or this user may not change it: then it takes longer.
      }
    }
  }

  /** The processes of the browser that run pages. */
  async renderers() {
    const session = await this.browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    await session.detach();
    return processInfo.filter(({ type }) => type === "renderer");
  }
}
