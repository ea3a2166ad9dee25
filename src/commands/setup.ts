import type { Command } from "commander";
import { cacheFolder } from "../shared/engine/tensorflow/installation.js";
import { installTensorFlow } from "../setup/tensorflow.js";

export function setupCommand(program: Command, exitWith: (code: number) => void): void {
  program
    .command("setup")
    .description(
      "installs the tensorflow engine, which is faster, into the user's cache (Linux x64)",
    )
    .action(async () => {
      const wasMissing = await installTensorFlow();
      process.stdout.write(
        wasMissing
          ? `The tensorflow engine is installed in ${cacheFolder()}. Commands use it from now on; \`--engine wasm\` chooses the portable engine.\n`
          : `The tensorflow engine is already installed in ${cacheFolder()}.\n`,
      );
      exitWith(0);
    });
}
