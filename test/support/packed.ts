// The package as npm packs it, and empty projects that install it: on a machine that has Node and npm, and neither Python nor a
// compiler.
import { execFileSync, type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./data.js";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What the package is built from, and what goes into it as it is. */
const SOURCES = [
  ...["package.json", "package-lock.json", "README.md", "LICENSE", "src", "scripts"],
  ...["tsconfig.json", "tsconfig.build.json"],
];

/** npm says so where it would need the registry and cannot reach it. */
const NO_REGISTRY = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED)\b/;

export interface Packed {
  /** The .tgz. */
  file: string;
  /** In bytes, packed and unpacked. */
  size: number;
  unpackedSize: number;
  paths: string[];
}

/** Packs a copy of the repository, in which `prepack` builds everything anew: nothing that runs uses its dist/. */
export function pack(): Packed {
  const folder = temporaryFolder();
  for (const name of SOURCES) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const output = execFileSync("npm", ["pack", "--json"], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [packed] = JSON.parse(output) as [
    { filename: string; size: number; unpackedSize: number; files: { path: string }[] },
  ];
  const { filename, size, unpackedSize, files } = packed;
  return {
    ...{ file: join(folder, filename), size, unpackedSize },
    paths: files.map(({ path }) => path),
  };
}

/** An empty project, and an environment without the user's cache, Python and compiler. */
export class Project {
  readonly folder: string;
  private readonly env: NodeJS.ProcessEnv;

  constructor() {
    this.folder = temporaryFolder();
    const programs = join(this.folder, ".programs");
    mkdirSync(programs);
    for (const name of ["npm", "npx", "sh", "env"]) linkProgram(name, programs);
    symlinkSync(process.execPath, join(programs, "node"));
    this.env = {
      ...process.env,
      PATH: programs,
      XDG_CACHE_HOME: join(this.folder, ".cache"),
      CXX: "",
    };
    this.write("package.json", JSON.stringify({ name: "empty", private: true, type: "module" }));
  }

  write(name: string, content: string): void {
    writeFileSync(join(this.folder, name), content);
  }

  has(name: string): boolean {
    return existsSync(join(this.folder, name));
  }

  run(program: string, ...args: string[]): SpawnSyncReturns<string> {
    return spawnSync(program, args, {
      cwd: this.folder,
      env: this.env,
      encoding: "utf8",
      // A prompt or an install script that waits for input would be ended by it.
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** @returns undefined if npm succeeded, else what it wrote */
  install({ file }: Packed): { output: string; isWithoutRegistry: boolean } | undefined {
    const args = ["install", file, "--prefer-offline", "--no-audit", "--no-fund"];
    const { status, stdout, stderr } = this.run("npm", ...args);
    if (status === 0) return undefined;
    return { output: stdout + stderr, isWithoutRegistry: NO_REGISTRY.test(stderr) };
  }
}

/** Links the first program of this name in PATH; npm finds its own files where the link leads. */
function linkProgram(name: string, folder: string): void {
  const places = (process.env["PATH"] ?? "").split(delimiter).map((place) => join(place, name));
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`${name} is not in PATH`);
  symlinkSync(realpathSync(found), join(folder, name));
}
