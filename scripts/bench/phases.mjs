// The phases of the steps of `local`, as reported to its page.
import { Command } from "../faults/processes.mjs";

/**
 * @param {string} broadcast
 * @param {string[]} training options of the run
 * @param {string} folder for its files
 * @param {number} warmUp number of first steps to ignore
 * @returns {Promise<Record<string, number[]>>} milliseconds of each step, by phase
 */
export async function phasesOfLocal(broadcast, training, folder, warmUp) {
  const args = ["local", "--workers", "2", "--broadcast", broadcast, ...training];
  const command = new Command(args, { cwd: folder });
  /** @type {Record<string, number[]>} */
  const found = {};
  const add = (/** @type {string} */ name, /** @type {number} */ ms) =>
    (found[name] ??= []).push(ms);
  const response = await fetch(`${(await command.url()).replace("ws", "http")}/live`);
  let text = "";
  for await (const chunk of response.body ?? []) {
    const lines = (text + Buffer.from(chunk).toString()).split("\n\n");
    text = lines.pop() ?? "";
    for (const line of lines.filter((each) => each.startsWith('data: {"kind":"trace"'))) {
      const trace = JSON.parse(line.slice(6));
      if (trace.step < warmUp) continue;
      for (const task of trace.tasks) {
        add("sent to compute, with the worker's own update", task.computedFromMs - task.sentMs);
        add("compute", task.computedToMs - task.computedFromMs);
        add("computed to answered", task.answeredMs - task.computedToMs);
      }
      for (const phase of ["aggregate", "optimizer", "broadcast"]) {
        const own = trace.phases.filter(
          (/** @type {{phase: string}} */ each) => each.phase === phase,
        );
        const times = own.map(
          (/** @type {{fromMs: number, toMs: number}} */ { fromMs, toMs }) => toMs - fromMs,
        );
        add(
          phase,
          times.reduce((/** @type {number} */ sum, /** @type {number} */ ms) => sum + ms, 0),
        );
      }
    }
  }
  await command.ended;
  return found;
}
