// Tandem's folder in the user's cache: the tensorflow engine, and the digests of large data sets. It may be deleted at any time.
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** Follows the XDG base directory specification, which says to ignore relative paths. */
export function cacheFolder(): string {
  const base = process.env["XDG_CACHE_HOME"] ?? "";
  return join(isAbsolute(base) ? base : join(homedir(), ".cache"), "tandem");
}
