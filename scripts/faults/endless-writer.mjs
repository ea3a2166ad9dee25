// Writes two checkpoints alternately to the same file until it is killed by kill-writes.mjs.
// node endless-writer.mjs A B OUTPUT
import { writeAtomically } from "../../dist/shared/checkpoint/atomic-write.js";
import { encodeCheckpoint, readCheckpoint } from "../../dist/shared/checkpoint/checkpoint.js";

const [a = "", b = "", output = ""] = process.argv.slice(2);
const states = [readCheckpoint(a), readCheckpoint(b)];
process.stdout.write("ready\n");
for (let turn = 0; ; turn++) {
  const state = states[turn % 2];
  if (state) await writeAtomically(output, encodeCheckpoint(state));
}
