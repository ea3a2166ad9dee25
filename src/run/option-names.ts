// Error messages name options as on the command line; here they are translated to the library's option names.
import { TandemError } from "../shared/errors.js";

/** `--batch-size` → `batchSize`; only where an option begins a word. */
const OPTION = /(^|[\s(])--([a-z][a-z0-9]*(?:-[a-z0-9]+)*)/g;

/** Options whose name in the library differs by more than its case. */
const OWN_NAMES: Record<string, string> = {
  augment: "augmentation",
  host: "listen.host",
  port: "listen.port",
  "token-file": "listen.token",
  insecure: "listen.insecure",
  "min-workers": "listen.minWorkers",
};

/** Returns the error with the library's option names. Errors other than TandemError are returned unchanged. */
export function toLibraryError(error: unknown): unknown {
  if (!(error instanceof TandemError)) return error;
  const sentence = error.message.replace(
    OPTION,
    (_match, before: string, name: string) => `${before}${OWN_NAMES[name] ?? toCamelCase(name)}`,
  );
  if (sentence === error.message) return error;
  return new TandemError(error.code, sentence, { cause: error });
}

function toCamelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}
