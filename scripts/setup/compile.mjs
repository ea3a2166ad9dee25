// Builds everything: TypeScript and AssemblyScript to dist/, the pages for the browser, and the command's link.
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { compileKernels } from "./kernels.mjs";
import { SetupError, say, succeeds } from "./report.mjs";

/** Contains a digest of the sources from which dist/ was built. It is written last. */
const STAMP = ".sources";

/** @param {string} root */
function digestOfSources(root) {
  const hash = createHash("sha256");
  const files = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  const rules = ["tsconfig.json", "tsconfig.build.json", "compile.mjs", "kernels.mjs"];
  for (const name of rules) {
    files.push(join(root, name.endsWith(".mjs") ? `scripts/setup/${name}` : name));
  }
  for (const file of files) hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest("hex");
}

/** Builds dist/ if a source has changed since the last time. @param {string} root @throws SetupError */
export async function compile(root) {
  const stampFile = join(root, "dist", STAMP);
  const digest = digestOfSources(root);
  const stamp = existsSync(stampFile) ? readFileSync(stampFile, "utf8") : "";
  if (stamp !== digest) {
    say("Compiling …");
    rmSync(stampFile, { force: true });
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    if (!succeeds(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], root)) {
      throw new SetupError("TypeScript does not compile.");
    }
    chmodSync(join(root, "dist/cli.js"), 0o755);
    copyFileSync(join(root, "src/setup/log-level.cc"), join(root, "dist/setup/log-level.cc"));
    await buildPage(root);
    compileKernels(root);
    writeFileSync(stampFile, digest);
  }
  linkCommand(root);
}

/** Bundles the scripts and styles of the pages, each into one file. @param {string} root */
async function buildPage(root) {
  const { build } = await import("esbuild");
  const source = join(root, "src/coordinator/observe/dashboard/page");
  const target = join(root, "dist/page");
  await build({
    entryPoints: ["page", "login", "join/join", "compare/compare"].map((name) => {
      return { in: join(source, `${name}.ts`), out: basename(name) };
    }),
    outdir: target,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    logLevel: "error",
  });
  // The script of the Web Workers that the join page starts.
  await build({
    entryPoints: [join(root, "src/worker/browser.ts")],
    outfile: join(target, "join-worker.js"),
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    logLevel: "error",
  });
  for (const name of ["index.html", "login.html", "join/join.html", "compare/compare.html"]) {
    copyFileSync(join(source, name), join(target, basename(name)));
  }
}

/**
 * `npx tandem` looks in node_modules/.bin, where npm puts the commands of dependencies but not the project's own.
 * @param {string} root
 */
function linkCommand(root) {
  const folder = join(root, "node_modules/.bin");
  mkdirSync(folder, { recursive: true });
  if (process.platform === "win32") {
    // Links need special rights on Windows; npm writes such files there too.
    writeFileSync(join(folder, "tandem.cmd"), '@node "%~dp0\\..\\..\\dist\\cli.js" %*\r\n');
    return;
  }
  const link = join(folder, "tandem");
  if (existsSync(link)) return;
  rmSync(link, { force: true });
  symlinkSync("../../dist/cli.js", link);
}
