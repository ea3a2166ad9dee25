// Inputs that once broke a decoder, or might have: each must be accepted or refused, and no other error thrown.
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runDecoders } from "../../scripts/faults/decoders.mjs";

const folder = new URL("finds/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".bin"));

test.each(files)("%s", (name) => {
  const outcome = runDecoders(readFileSync(new URL(name, folder)));
  expect(["taken", "refused"]).toContain(outcome);
});
