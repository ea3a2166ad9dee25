// What set-up tells the user: one line a part, progress on the long ones, and one plain sentence where a part is missing.
// Set-up writes to standard error only, so that a command behind it keeps standard output for itself.

/** A part that set-up needs and cannot supply; the message says what, and how to mend it. */
export class SetupError extends Error {}

/** @param {string} text */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Shows how far a long part has come: in place on a terminal, every quarter elsewhere.
 * @param {string} label
 * @param {number} total what `done` reaches in the end
 * @returns {(done: number) => void}
 */
export function progressOf(label, total) {
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
 * Shows that a part whose length is not known goes on: every second on a terminal, every ten elsewhere.
 * @param {string} label
 * @returns {() => void} to be called at its end
 */
export function tickingOf(label) {
  const startMs = performance.now();
  const isTerminal = process.stderr.isTTY;
  const timer = setInterval(
    () => {
      const seconds = Math.round((performance.now() - startMs) / 1000);
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
