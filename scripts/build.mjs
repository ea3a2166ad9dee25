// `npm run build`, which npm also runs before it packs: builds all of dist/ from scratch, so that it contains nothing whose source
// is gone.
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "./setup/compile.mjs";
import { installPackages } from "./setup/packages.mjs";
import { SetupError, say } from "./setup/report.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

try {
  if (!existsSync(join(root, "node_modules"))) installPackages(root);
  rmSync(join(root, "dist"), { recursive: true, force: true });
  await compile(root);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`Build: ${error.message}`);
  process.exit(1);
}
