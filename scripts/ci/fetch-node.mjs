// Fetches builds of Node other than the running one from npm's packages node-PLATFORM-ARCH, which are real Node builds, into
// Tandem's cache.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createOnce, prepareCache } from "../../dist/setup/cache.js";
import { runProgram } from "../../dist/setup/program.js";
import { cacheFolder } from "../../dist/shared/engine/tensorflow/installation.js";
import { SetupError, say } from "../setup/report.mjs";

/**
 * @param {string} version
 * @param {string} [arch] of another processor, for an emulator
 * @returns {Promise<string>} the path of that Node
 * @throws SetupError if it cannot be fetched
 */
export async function fetchNode(version, arch = process.arch) {
  const packageName = `node-${process.platform}-${arch}`;
  const target = join(cacheFolder(), `node-${version}-${process.platform}-${arch}`);
  /** @param {string} folder */
  const programIn = (folder) => join(folder, "node_modules", packageName, "bin", "node");
  /** @param {string} folder */
  const isComplete = (folder) => existsSync(programIn(folder));
  prepareCache();
  await createOnce(target, isComplete, async (temporary) => {
    say(`Fetching Node ${version} for ${arch} …`);
    const { code, output } = await runProgram(
      "npm",
      [
        ...["install", "--prefix", temporary, "--no-save", "--ignore-scripts", "--no-audit"],
        ...["--no-fund", `${packageName}@${version}`],
        // Otherwise npm refuses packages that this machine cannot run directly.
        ...(arch === process.arch ? [] : ["--force"]),
      ],
      { label: "fetching" },
    );
    // npm states the cause first.
    if (code !== 0) throw new SetupError(output.trimStart().split("\n").slice(0, 3).join("\n"));
  });
  return programIn(target);
}
