// The page /join in a tab of a real browser, used as by a person: waits until it is ready, joins, and leaves.

/** Enough even on a busy machine. */
const WAIT_MS = 600_000;
const POLL_MS = 200;

/**
 * A page in Chromium or Firefox.
 * @typedef {object} Tab
 * @property {(expression: string) => Promise<any>} evaluate
 * @property {() => Promise<unknown>} reload
 * @property {() => Promise<void>} close
 */

/** @param {Tab} tab @param {string} expression */
export async function until(tab, expression) {
  const deadlineMs = performance.now() + WAIT_MS;
  while (!(await tab.evaluate(expression))) {
    if (performance.now() > deadlineMs) {
      throw new Error(`not true: ${expression}\n${await tab.evaluate("document.body.innerText")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Waits until the page shows a state. @param {Tab} tab @param {string} word */
export const shows = (tab, word) =>
  until(tab, `document.getElementById("state").textContent === ${JSON.stringify(word)}`);

/** Presses the page's button. @param {Tab} tab */
export const press = (tab) => tab.evaluate(`document.getElementById("start").click()`);

/** Joins with a number of Web Workers. @param {Tab} tab @param {string} name @param {number | string} cores */
export async function compute(tab, name, cores) {
  await shows(tab, "Ready");
  await tab.evaluate(`(() => {
    document.getElementById("name").value = ${JSON.stringify(name)};
    document.getElementById("cores").value = ${JSON.stringify(String(cores))};
  })()`);
  await press(tab);
}
