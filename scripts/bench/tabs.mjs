// A run whose workers are tabs of Chromium, with one Web Worker each.
import { openBrowser } from "../browser.mjs";
import { Command } from "../faults/processes.mjs";
import { compute } from "../join-tab.mjs";

/**
 * @param {number} count number of tabs and of shards
 * @param {string[]} training options of the run
 * @param {string} folder for its files
 * @returns {Promise<Command>} the coordinator's command, which has ended
 */
export async function runInTabs(count, training, folder) {
  const browser = await openBrowser();
  const coordinator = new Command(
    [
      ...["coordinator", "--port", "0", "--engine", "wasm", ...training],
      ...["--shards", `${count}`, "--min-workers", `${count}`],
    ],
    { cwd: folder },
  );
  try {
    const url = `${(await coordinator.url()).replace("ws:", "http:")}/join`;
    for (let number = 1; number <= count; number++) {
      const page = await browser.newPage();
      await page.goto(url);
      await compute(page, `tab${number}`, 1);
    }
    await coordinator.ended;
    return coordinator;
  } finally {
    coordinator.kill("SIGKILL");
    await browser.close();
  }
}
