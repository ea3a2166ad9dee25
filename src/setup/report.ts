// Set-up's output: one line per part, and progress for parts that take long. It writes to standard error only, so that standard
// output contains only the output of the command that runs after it.

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * Shows the progress of a long part: in place on a terminal, at every quarter elsewhere.
 * @param total the value of `done` at the end
 */
export function createProgress(label: string, total: number): (done: number) => void {
  let lastQuarter = 0;
  return (done) => {
    const percent = Math.min(100, Math.floor((100 * done) / total));
    if (process.stderr.isTTY) {
      const filled = Math.floor(percent / 4);
      const bar = "#".repeat(filled) + "-".repeat(25 - filled);
      process.stderr.write(`\r  ${label} [${bar}] ${percent} %${percent === 100 ? "\n" : ""}`);
      return;
    }
    const quarter = Math.floor(percent / 25);
    if (quarter > lastQuarter) {
      lastQuarter = quarter;
      say(`  ${label} ${quarter * 25} %`);
    }
  };
}

/**
 * Shows that a part of unknown duration is still running: every second on a terminal, every ten seconds elsewhere.
 * @returns a function that stops this
 */
export function startTicking(label: string): () => void {
  const startedMs = performance.now();
  const isTerminal = process.stderr.isTTY;
  const timer = setInterval(
    () => {
      const seconds = Math.round((performance.now() - startedMs) / 1000);
      if (isTerminal) process.stderr.write(`\r  ${label}, ${seconds} s`);
      else say(`  ${label}, ${seconds} s`);
    },
    isTerminal ? 1_000 : 10_000,
  );
  return () => {
    clearInterval(timer);
    if (isTerminal) process.stderr.write(`\r${" ".repeat(label.length + 12)}\r`);
  };
}
