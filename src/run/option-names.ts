// Sentences name options as the command line does; a program's options have names of its own.
import { TandemError } from "../shared/errors.js";

/** `--batch-size` → `batchSize`; only where an option begins a word. */
const OPTION = /(^|[\s(])--([a-z][a-z0-9]*(?:-[a-z0-9]+)*)/g;

/** Options that have another name, or place, in code. */
const OWN_NAMES: Record<string, string> = {
  augment: "augmentation",
  host: "listen.host",
  port: "listen.port",
  "token-file": "listen.token",
  insecure: "listen.insecure",
  "min-workers": "listen.minWorkers",
};

/** The error with its options called as in code. What is no TandemError stays as it is. */
export function inLibraryTerms(error: unknown): unknown {
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
