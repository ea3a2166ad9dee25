// The page /join in every state, in a real browser, with Web Workers controlled by the test. Skipped without a browser. For a run
// that a tab joins, see join-run.test.ts.
import type { Browser, Page } from "playwright-core";
import { encode } from "uqr";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser } from "../../scripts/browser.mjs";
import { findLowContrast } from "../support/contrast.js";
import {
  openJoinPage,
  type OpenedJoinPage,
  type OpenOptions,
  shardDone,
} from "../support/join-page.js";

const VIEWS = [390, 1280].flatMap((width) =>
  (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme })),
);

let browser: Browser;

describe.skipIf(browserPath === undefined)("the page /join", () => {
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  let opened: OpenedJoinPage;
  let page: Page;
  afterEach(async () => {
    expect(opened.faults).toEqual([]);
    await opened.close();
  });

  async function open(options?: OpenOptions): Promise<void> {
    opened = await openJoinPage(browser, options);
    page = opened.page;
  }

  const state = () => page.locator("#state").textContent();
  const message = () => page.locator("#message").textContent();
  const shows = (word: string) => expect.poll(state, { timeout: 10_000 }).toBe(word);

  /** In both colour schemes, on a phone and on a desktop: nothing is wider than the screen, and all text is readable. */
  async function checkViews(): Promise<void> {
    for (const { width, colorScheme } of VIEWS) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 844 });
      const wide = () => page.evaluate<number>("document.documentElement.scrollWidth");
      await expect.poll(wide).toBeLessThanOrEqual(width);
      await expect.poll(() => findLowContrast(page)).toEqual([]);
    }
    await page.setViewportSize({ width: 390, height: 844 });
  }

  /** Where the panel below the state begins: no change of state may move it. */
  const below = async () => (await page.locator(".done").boundingBox())?.y;

  /** The page computes with four Web Workers, each of which has done a shard. */
  async function work(): Promise<void> {
    await shows("Ready");
    await page.locator("#start").click();
    await shows("Joining");
    await opened.untilStarted(4);
    for (let core = 1; core <= 4; core++) {
      const name = `${await deviceName()}-${core}`;
      await opened.say(name, { type: "connected", name });
      await opened.say(name, shardDone(1, 10 * core));
    }
    await shows("Working");
  }

  const deviceName = () => page.locator("#name").inputValue();

  test("ready: what will happen, what leaves the device", async () => {
    await open();
    await shows("Ready");
    await expect.poll(() => page.title()).toBe("Join cnn · Tandem");
    expect(await page.locator("#title").textContent()).toBe("Compute for cnn");
    expect(await page.locator("#cores-text").textContent()).toBe("4 of 8");
    expect(await page.locator("#n-shards").textContent()).toBe("–");
    expect(await page.locator(".privacy").textContent()).toContain("none of it is run as code");
    expect(await opened.heard()).toEqual([]);
    await checkViews();
  });

  test("working: one Web Worker per core, each with its name; shards, share, time, bytes, loss", async () => {
    await open();
    await shows("Ready");
    const before = await below();
    await work();
    expect(await below()).toBe(before);
    const name = await deviceName();
    const starts = (await opened.heard()).filter(({ heard }) => heard.type === "start");
    expect(starts.map(({ from }) => from).sort()).toEqual(
      [1, 2, 3, 4].map((core) => `${name}-${core}`),
    );
    expect(starts[0]?.heard).toMatchObject({
      url: `${opened.url}/`,
      kernelsUrl: `${opened.url.replace("ws:", "http:")}/kernels.wasm`,
    });
    opened.train(0, 10);
    const text = (id: string) => () => page.locator(id).textContent();
    await expect.poll(text("#message")).toContain("Step 10 of 100.");
    await expect.poll(text("#n-shards")).toBe("4");
    // 4 of the 10 × 4 shards.
    await expect.poll(text("#n-share")).toBe("10.0%");
    expect(await text("#n-ms")()).toBe("25.0");
    expect(await text("#recent-note")()).toBe("longest 40.0 ms");
    expect(await text("#received")()).toBe("4 MB");
    expect(await text("#sent")()).toBe("2 MB");
    expect(await text("#weights")()).toBe("of step 1");
    await page.locator("#loss canvas").waitFor();
    await expect.poll(text("#loss-key")).toMatch(/^smoothed 0\.\d+$/);
    await checkViews();
  });

  test("the curve is drawn, and its cursor follows the arrow keys", async () => {
    await open();
    await shows("Ready");
    const picture = async () => (await page.locator("#loss").screenshot()).toString("base64");
    const empty = await picture();
    opened.train(0, 50);
    await expect.poll(picture).not.toBe(empty);
    const key = () => page.locator("#loss-key b").textContent();
    await expect.poll(key).not.toBe("–");
    const newest = Number(await key());
    await page.locator("#loss").focus();
    for (let press = 0; press < 30; press++) await page.keyboard.press("ArrowLeft");
    expect(Number(await key())).toBeGreaterThan(newest);
    await page.keyboard.press("Escape");
    expect(Number(await key())).toBe(newest);
  });

  test("cores change while it computes: the last ones say goodbye, new ones join", async () => {
    await open();
    await work();
    const name = await deviceName();
    await page.locator("#cores").fill("2");
    const stopped = async () =>
      (await opened.heard()).filter(({ heard }) => heard.type === "stop").map(({ from }) => from);
    await expect.poll(stopped).toEqual([`${name}-3`, `${name}-4`]);
    // The goodbye comes after the current task, which still counts.
    await opened.say(`${name}-3`, shardDone(2, 10));
    await opened.say(`${name}-3`, { type: "stopped" });
    await opened.say(`${name}-4`, { type: "stopped" });
    await expect.poll(() => page.locator("#n-shards").textContent()).toBe("5");
    await page.locator("#cores").fill("3");
    const started = async () => (await opened.heard()).map(({ from, heard }) => from + heard.type);
    await expect.poll(async () => (await started()).at(-1)).toBe(`${name}-3start`);
    await expect.poll(message).toContain("2 of 3 cores connected");
    expect(await state()).toBe("Working");
  });

  test("by keyboard alone: to the button, start, cores, leave", async () => {
    await open();
    await shows("Ready");
    const focused = () => page.evaluate<string>("document.activeElement.id");
    const order: string[] = [];
    for (let press = 0; press < 5; press++) {
      await page.keyboard.press("Tab");
      order.push(await focused());
      const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
      expect(outline, order.at(-1)).toBe("solid");
    }
    expect(order).toEqual(["watch", "start", "cores", "name", "loss"]);
    await page.locator("#cores").focus();
    for (let press = 0; press < 3; press++) await page.keyboard.press("ArrowLeft");
    expect(await page.locator("#cores-text").textContent()).toBe("1 of 8");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    await shows("Joining");
    await opened.untilStarted(1);
    await page.keyboard.press("Enter");
    await shows("Left");
  });

  test("connection lost: says so, counts what is done, reconnects by itself or now", async () => {
    await open();
    await work();
    const before = await below();
    const name = await deviceName();
    for (let core = 1; core <= 3; core++) {
      await opened.say(`${name}-${core}`, { type: "waiting", reason: "no connection" });
    }
    await expect.poll(message).toContain("1 of 4 cores connected");
    await opened.say(`${name}-4`, { type: "waiting", reason: "no connection" });
    await shows("Connection lost");
    await expect.poll(() => page.locator("#n-shards").textContent()).toBe("4");
    expect(await below()).toBe(before);
    await checkViews();
    await opened.say(`${name}-1`, { type: "connected", name: `${name}-1` });
    await shows("Working");
    await opened.say(`${name}-1`, { type: "waiting", reason: "no connection" });
    await shows("Connection lost");
    await page.locator("#start").click();
    await shows("Joining");
    await opened.untilStarted(8);
    await opened.say(`${name}-1`, { type: "connected", name: `${name}-1` });
    await opened.say(`${name}-1`, shardDone(1, 10));
    await shows("Working");
    // Including those of the replaced Web Workers.
    await expect.poll(() => page.locator("#n-shards").textContent()).toBe("5");
  });

  test("hidden and stopped by the browser: it pauses, then continues", async () => {
    await open();
    await work();
    const before = await below();
    const name = await deviceName();
    await page.evaluate("document.dispatchEvent(new Event('freeze'))");
    for (let core = 1; core <= 4; core++) {
      await opened.say(`${name}-${core}`, { type: "waiting", reason: "silent" });
    }
    await shows("Paused");
    expect(await message()).toContain("Its shards were reassigned");
    expect(await below()).toBe(before);
    await checkViews();
    await page.locator("#start").click();
    await opened.untilStarted(8);
    await opened.say(`${name}-1`, { type: "connected", name: `${name}-1` });
    await shows("Working");
    // A later loss has nothing to do with that sleep.
    await opened.say(`${name}-1`, { type: "waiting", reason: "no connection" });
    await shows("Connection lost");
  });

  test("left, and joined again: shards before and after count together", async () => {
    await open();
    await work();
    const before = await below();
    await page.locator("#start").click();
    await shows("Left");
    expect(await below()).toBe(before);
    const name = await deviceName();
    for (let core = 1; core <= 4; core++) await opened.say(`${name}-${core}`, { type: "stopped" });
    await checkViews();
    await page.locator("#start").click();
    await opened.untilStarted(8);
    await opened.say(`${name}-1`, { type: "connected", name: `${name}-1` });
    await opened.say(`${name}-1`, shardDone(1, 10));
    await expect.poll(() => page.locator("#n-shards").textContent()).toBe("5");
  });

  test("finished: accuracy, and what this device did of it; no way to a coordinator that is gone", async () => {
    await open();
    await work();
    const before = await below();
    opened.train(0, 100);
    opened.recorder.handle({
      event: "end",
      step: 100,
      testAccuracy: 0.9904,
      testLoss: 0.03,
      path: "checkpoint.safetensors",
    });
    await shows("Finished");
    expect(await message()).toBe(
      "Test accuracy 99.04\u202f%. This device computed 4 shards, 1.0\u202f% of the work since it joined. Thank you.",
    );
    expect(await page.locator("#start").isVisible()).toBe(false);
    expect(await page.locator("#watch").isVisible()).toBe(false);
    expect(await below()).toBe(before);
    const name = await deviceName();
    await opened.say(`${name}-1`, { type: "ended", reason: "finished" });
    opened.dashboard.close();
    expect(await state()).toBe("Finished");
    await checkViews();
  });

  test("the run is interrupted: says at which step, and offers to join again", async () => {
    await open();
    await work();
    opened.train(0, 7);
    await expect.poll(message).toContain("Step 7");
    const name = await deviceName();
    for (let core = 1; core <= 4; core++) {
      await opened.say(`${name}-${core}`, { type: "ended", reason: "interrupted" });
    }
    await shows("Run stopped");
    expect(await message()).toContain("at step 7 (interrupted)");
    await checkViews();
    await page.locator("#start").click();
    await shows("Joining");
  });

  test("a run of the tensorflow engine: why not, and what to do instead", async () => {
    await open({ config: { engine: { name: "tensorflow", threads: 1 } } });
    await shows("Not possible in a browser");
    expect(await page.locator("#command").textContent()).toBe(`npx tandem worker ${opened.url} `);
    expect(await page.locator("#action-engine").textContent()).toContain("--engine wasm");
    await page.locator("#copy").click();
    await expect.poll(() => page.locator("#copy").textContent()).toMatch(/Copied|Selected/);
    await checkViews();
  });

  test("a browser whose arithmetic differs sees why it cannot join", async () => {
    await open();
    await work();
    const name = await deviceName();
    for (let core = 1; core <= 4; core++) {
      await opened.say(`${name}-${core}`, {
        type: "refused",
        cause: "numerics",
        reason: "differs",
      });
    }
    await shows("Cannot take part");
    expect(await message()).toContain("arithmetic differs");
    await checkViews();
  });

  test("a page of another version can be loaded again", async () => {
    await open();
    await work();
    const name = await deviceName();
    for (let core = 1; core <= 4; core++) {
      await opened.say(`${name}-${core}`, { type: "refused", cause: "version", reason: "old" });
    }
    await shows("Cannot take part");
    await Promise.all([page.waitForEvent("load"), page.locator("#start").click()]);
    // It was computing and continues by itself.
    await shows("Joining");
    expect(await deviceName()).toBe(name);
  });

  test("one core that fails does not end the others; all of them do", async () => {
    await open();
    await work();
    const name = await deviceName();
    await opened.say(`${name}-4`, { type: "failed", reason: "not enough memory" });
    await expect.poll(message).toContain("3 of 4 cores connected");
    for (let core = 1; core <= 3; core++) {
      await opened.say(`${name}-${core}`, { type: "failed", reason: "not enough memory" });
    }
    await shows("Cannot compute here");
    expect(await message()).toBe("Not enough memory.");
  });

  test("with a token: nothing of the run without it; wrong, then right; by a cookie, not in an address", async () => {
    await open({ token: "open-sesame-please" });
    await shows("Token needed");
    expect(await page.locator("#title").textContent()).toBe("Compute for this run");
    await checkViews();
    await page.locator("#token").focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => page.locator("#token-note").textContent()).toBe("Enter the token.");
    await page.keyboard.type("wrong");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.locator("#token-note").textContent()).toBe("Wrong token.");
    await checkViews();
    const addresses: string[] = [];
    page.on("request", (request) => addresses.push(request.url()));
    await page.locator("#token").fill("open-sesame-please");
    await page.keyboard.press("Enter");
    await shows("Ready");
    await expect.poll(() => page.title()).toBe("Join cnn · Tandem");
    expect(addresses.join()).not.toContain("sesame");
    expect(await page.evaluate("document.cookie")).toBe("");
    await page.reload();
    await shows("Ready");
  });

  test("a key in the fragment opens it, and does not stay in the address", async () => {
    await open({ token: "open-sesame-please", hash: "#key=open-sesame-please" });
    await shows("Ready");
    expect(page.url()).not.toContain("key");
  });

  test("the coordinator goes away and comes back", async () => {
    await open();
    await shows("Ready");
    await page.route("**/join/live", (route) => route.abort());
    opened.dashboard.close();
    await shows("No answer");
    await checkViews();
    await page.unroute("**/join/live");
    await shows("Ready");
  });

  test("the dashboard's QR code is that of the page, for other machines, and holds no token", async () => {
    await open({
      token: "open-sesame-please",
      hash: "#key=open-sesame-please",
      otherUrls: ["ws://192.168.1.20:7711"],
    });
    await shows("Ready");
    await page.locator("#watch").click();
    const code = page.locator("#join-code svg");
    await code.waitFor();
    const address = "http://192.168.1.20:7711/join";
    expect(await code.getAttribute("aria-label")).toBe(`QR code of ${address}`);
    const { data, size } = encode(address, { border: 0 });
    const path = (await page.locator("#join-code path").getAttribute("d")) ?? "";
    const dark = new Set(path.split("z").filter(Boolean));
    const drawn = Array.from({ length: size }, (_, y) =>
      Array.from({ length: size }, (_each, x) => dark.has(`M${x} ${y}h1v1h-1`)),
    );
    expect(drawn).toEqual(data);
    expect(await page.locator("#join-command").textContent()).toBe(
      "npx tandem worker ws://192.168.1.20:7711 --token-file token.txt",
    );
    expect(await page.locator("#join-section").textContent()).not.toContain("sesame");
    for (const { width, colorScheme } of VIEWS) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 844 });
      const wide = () => page.evaluate<number>("document.documentElement.scrollWidth");
      await expect.poll(wide).toBeLessThanOrEqual(width);
    }
    expect(await page.locator("#join-here a").getAttribute("href")).toBe("join");
  });

  test("the dashboard of a run that only this machine reaches has no QR code", async () => {
    await open();
    await shows("Ready");
    await page.locator("#watch").click();
    await page.locator("#join-section").waitFor();
    await expect
      .poll(() => page.locator("#join-how").textContent())
      .toContain("listens only on this machine");
    expect(await page.locator("#join-code svg").count()).toBe(0);
  });

  test("policy: no script, style or connection but its own, and nothing may embed it", async () => {
    await open();
    const http = opened.url.replace("ws:", "http:");
    for (const path of ["/join", "/join.js", "/join.css"]) {
      const policy = (await fetch(http + path)).headers.get("content-security-policy") ?? "";
      expect(policy, path).toContain("default-src 'none'");
      expect(policy, path).toContain("script-src 'self' 'wasm-unsafe-eval'");
      expect(policy, path).not.toMatch(/unsafe-inline|'unsafe-eval'|https?:|\*/);
    }
    const own = (await fetch(`${http}/`)).headers.get("content-security-policy") ?? "";
    expect(own).not.toContain("wasm-unsafe-eval");
    const isBlocked = await page.evaluate<boolean>(`new Promise((resolve) => {
      addEventListener("securitypolicyviolation", () => resolve(true), { once: true });
      const script = document.createElement("script");
      script.textContent = "resolve(false)";
      document.body.append(script);
    })`);
    expect(isBlocked).toBe(true);
    opened.faults.length = 0;
  });
});
