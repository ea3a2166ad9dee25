// Who may import whom, held by dependency-cruiser (`npm run depcruise`, part of `npm run check`). Type imports count where
// folders must not know each other, and do not count for cycles and purity: they are gone when the code runs.
import { findBrowserFiles } from "./scripts/check/browser-files.mjs";
import { findPureFiles } from "./scripts/check/pure-files.mjs";

/** @param {string} text */
const escapeForRegExp = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** @param {string[]} files */
const oneOf = (files) => `^(${files.map(escapeForRegExp).join("|")})$`;

const PURE = oneOf(findPureFiles(import.meta.dirname));

const BROWSER = oneOf(findBrowserFiles(import.meta.dirname));

/** Packages that run in browsers as in Node. */
const BROWSER_PACKAGES = "^node_modules/(@noble/hashes|msgpackr|zod)/";

/**
 * What a pure file may use of Node. node:zlib and node:crypto are here for functions of bytes alone (crc32, gunzipSync,
 * createHash); the linter forbids the rest of node:crypto, such as randomBytes. node:net is here for isIP, with the same limit.
 */
const PURE_BUILT_INS = "^(node:)?(crypto|net|zlib)$";

/** Packages of functions without effects. */
const PURE_PACKAGES = "^node_modules/(@noble/hashes|msgpackr|zod)/";

/** Read as programs: the command, the library, a thread's, and what the browser loads. */
const ENTRIES = [
  "^src/(cli|index)\\.ts$",
  "^src/shared/engine/wasm/thread\\.ts$",
  "^src/worker/(browser|node)[\\w-]*\\.ts$",
  "^src/coordinator/(dashboard|observe/dashboard)/page/(page|login|join/join|compare/compare)\\.ts$",
];

const PAGE = "^src/coordinator/(dashboard|observe/dashboard)/page/";

/** At run time: type imports are erased. */
const AT_RUN_TIME = { dependencyTypesNot: ["type-only"] };

export default {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Modules that need each other at run time cannot be read, tested or moved apart.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: AT_RUN_TIME },
    },
    {
      name: "shared-stands-alone",
      comment: "src/shared knows neither coordinator, worker nor command line.",
      severity: "error",
      from: { path: "^src/shared/" },
      to: { path: "^src/(coordinator|worker|commands|setup|cli|index)" },
    },
    {
      name: "coordinator-does-not-know-workers",
      comment: "The coordinator knows workers by the protocol only.",
      severity: "error",
      from: { path: "^src/coordinator/" },
      to: { path: "^src/worker/" },
    },
    {
      name: "worker-does-not-know-coordinator",
      comment: "A worker knows the coordinator by the protocol only.",
      severity: "error",
      from: { path: "^src/worker/" },
      to: { path: "^src/coordinator/" },
    },
    {
      name: "relay-uses-connections-only",
      comment:
        "A relay is a worker to its coordinator and a coordinator to its workers: it takes the connections of both, and computes nothing.",
      severity: "error",
      from: { path: "^src/relay/" },
      to: {
        path: "^src/",
        pathNot: [
          "^src/(relay|shared|worker)/",
          "^src/coordinator/(workers|broadcast)/",
          "^src/coordinator/observe/(sinks/metrics|dashboard/(dashboard-auth|http))\\.ts$",
        ],
      },
    },
    {
      name: "nobody-knows-relays",
      comment: "A relay is known by the protocol only; the command starts it.",
      severity: "error",
      from: { path: "^src/(coordinator|worker|shared)/" },
      to: { path: "^src/relay/" },
    },
    {
      name: "commands-are-the-outermost",
      comment: "Only the program itself imports its commands.",
      severity: "error",
      from: { path: "^src/", pathNot: ["^src/commands/", "^src/cli\\.ts$"] },
      to: { path: "^src/(commands/|cli\\.ts$)" },
    },
    {
      name: "pure-files-use-pure-files",
      comment:
        "A pure file imports pure files only, so what it does follows from its arguments. See scripts/check/pure-files.mjs.",
      severity: "error",
      from: { path: PURE },
      to: { path: "^src/", pathNot: PURE, ...AT_RUN_TIME },
    },
    {
      name: "pure-files-without-effects",
      comment: "No file, socket, process, clock or timer in a pure file.",
      severity: "error",
      from: { path: PURE },
      to: { dependencyTypes: ["core"], pathNot: PURE_BUILT_INS, ...AT_RUN_TIME },
    },
    {
      name: "pure-files-without-packages",
      comment: "Packages with effects (ws, tfjs-node, pino) stay out of pure files.",
      severity: "error",
      from: { path: PURE },
      to: { path: "^node_modules/", pathNot: PURE_PACKAGES, ...AT_RUN_TIME },
    },
    {
      name: "graphs-know-no-engine",
      comment: "Networks, graphs and optimizers are data for any engine, in their types too.",
      severity: "error",
      from: { path: "^src/shared/(network|graph|optimizer|statistics)/" },
      to: { path: "^src/shared/engine/" },
    },
    {
      name: "engines-apart",
      comment: "Engines know the op graph and the interface, and not each other.",
      severity: "error",
      from: { path: "^src/shared/engine/([^/]+)/" },
      to: { path: "^src/shared/engine/[^/]+/", pathNot: "^src/shared/engine/$1/" },
    },
    {
      name: "browser-worker-without-node",
      comment:
        "What the Web Worker's script reaches runs in browsers too: Node belongs in files of its own, which Node's entries hand over. See scripts/check/browser-files.mjs.",
      severity: "error",
      from: { path: BROWSER },
      to: { dependencyTypes: ["core"], ...AT_RUN_TIME },
    },
    {
      name: "browser-worker-without-node-packages",
      comment: "The same for packages: ws, pino and tfjs-node's binding need Node.",
      severity: "error",
      from: { path: BROWSER },
      to: { path: "^node_modules/", pathNot: BROWSER_PACKAGES, ...AT_RUN_TIME },
    },
    {
      name: "page-runs-in-browsers",
      comment: "The page has no Node.",
      severity: "error",
      from: { path: PAGE },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "source-without-tests-and-scripts",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|scripts)/" },
    },
    {
      name: "no-development-packages",
      comment:
        "What src/ imports at run time is installed with Tandem. What the page imports is built into its script.",
      severity: "error",
      from: { path: "^src/", pathNot: PAGE },
      to: { dependencyTypes: ["npm-dev"], ...AT_RUN_TIME },
    },
    {
      name: "no-undeclared-packages",
      comment: "A package that package.json does not name may be gone with the next install.",
      severity: "error",
      // What makes fixtures runs in a folder of its own, with packages that Tandem does not have.
      from: { pathNot: "^test/.*/fixtures/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "nothing-unresolved",
      severity: "error",
      // What makes fixtures runs in a folder of its own, with packages that Tandem does not have.
      from: { pathNot: "^test/.*/fixtures/" },
      to: { couldNotResolve: true },
    },
    {
      name: "no-orphans",
      comment: "A module that imports nothing and that nobody imports is left over.",
      severity: "error",
      from: { orphan: true, pathNot: [...ENTRIES, "^scripts/", "\\.d\\.ts$"] },
      to: {},
    },
    {
      name: "reached-from-an-entry",
      comment: "A module that no program reaches is dead, or is used by tests alone.",
      severity: "warn",
      from: { path: ENTRIES },
      to: { path: "^src/", pathNot: ["\\.d\\.ts$", ...ENTRIES], reachable: false },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    // AssemblyScript, compiled by itself.
    exclude: { path: "^src/shared/engine/wasm/assembly/" },
    doNotFollow: { path: "^(node_modules|dist)/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
    },
  },
};
