// TypeScript and AssemblyScript to dist/, only where a source has changed since the last time.
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
import { SetupError, say } from "./report.mjs";
import { lastLines, run } from "./run.mjs";

/** @param {string} root */
function digestOfSources(root) {
  const hash = createHash("sha256");
  const files = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  files.push(join(root, "tsconfig.json"), join(root, "tsconfig.build.json"));
  files.push(join(root, "scripts/setup/kernels.mjs"));
  for (const file of files) hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest("hex");
}

/** @param {string} root */
export async function compile(root) {
  const stampFile = join(root, "dist/.sources");
  const digest = digestOfSources(root);
  const stamp = existsSync(stampFile) ? readFileSync(stampFile, "utf8") : "";
  if (stamp !== digest) {
    say("Compiling …");
    rmSync(stampFile, { force: true });
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const result = await run(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")]);
    if (result.code !== 0) {
      throw new SetupError(`TypeScript does not compile.\n${lastLines(result.output, 30)}`);
    }
    chmodSync(join(root, "dist/cli.js"), 0o755);
    await buildPage(root);
    await compileKernels(root);
    writeFileSync(stampFile, digest);
  }
  linkCommand(root);
}

/** The page's script and style, each in one file, with what they use inside. @param {string} root */
async function buildPage(root) {
  const { build } = await import("esbuild");
  const source = join(root, "src/coordinator/observe/dashboard/page");
  const target = join(root, "dist/page");
  await build({
    entryPoints: ["page", "login", "join/join"].map((name) => {
      return { in: join(source, `${name}.ts`), out: basename(name) };
    }),
    outdir: target,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    logLevel: "error",
  });
  for (const name of ["index.html", "login.html", "join/join.html"]) {
    copyFileSync(join(source, name), join(target, basename(name)));
  }
}

/** `npx tandem` looks into node_modules/.bin, where npm puts the commands of dependencies but not the project's own. @param {string} root */
function linkCommand(root) {
  const link = join(root, "node_modules/.bin/tandem");
  if (existsSync(link)) return;
  mkdirSync(join(root, "node_modules/.bin"), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync("../../dist/cli.js", link);
}
