import eslint from "@eslint/js";
import tseslint from "typescript-eslint";
import { findBrowserFiles } from "./scripts/check/browser-files.mjs";
import { findPureFiles } from "./scripts/check/pure-files.mjs";

// Which folders may import which is held by dependency-cruiser (.dependency-cruiser.mjs).

const PURE_MESSAGE = "This file is pure (scripts/check/pure-files.mjs).";
const BROWSER_MESSAGE = "This file runs in browsers too (scripts/check/browser-files.mjs).";

const pureFiles = findPureFiles(import.meta.dirname);
const browserFiles = findBrowserFiles(import.meta.dirname);

/** Globals with effects. */
const IMPURE_GLOBALS = [
  ...["process", "console", "performance", "crypto", "fetch", "queueMicrotask"],
  ...["setTimeout", "setInterval", "setImmediate"],
].map((name) => ({ name, message: PURE_MESSAGE }));

/** Globals that browsers do not have. */
const NODE_GLOBALS = ["Buffer", "process", "require", "setImmediate"].map((name) => ({
  name,
  message: BROWSER_MESSAGE,
}));

/** The clock; a date made from a time that was passed in is none. */
const CLOCK = [
  { selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']" },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]" },
].map((entry) => ({ ...entry, message: PURE_MESSAGE }));

/**
 * The pure files: what they compute follows from their arguments alone. Which files they may import is dependency-cruiser's
 * to check; the linter forbids what no import shows, and names that are impure in modules that are otherwise functions of bytes.
 */
const pure = {
  files: pureFiles,
  rules: {
    "no-restricted-imports": [
      "error",
      {
        paths: [
          { name: "node:crypto", allowImportNames: ["createHash", "Hash"], message: PURE_MESSAGE },
          { name: "node:net", allowImportNames: ["isIP"], message: PURE_MESSAGE },
          {
            name: "node:zlib",
            allowImportNames: ["crc32", "gunzipSync", "inflateRawSync"],
            message: PURE_MESSAGE,
          },
        ],
      },
    ],
    "no-restricted-globals": ["error", ...IMPURE_GLOBALS],
    "no-restricted-syntax": ["error", ...CLOCK],
    "no-restricted-properties": [
      "error",
      { object: "Math", property: "random", message: PURE_MESSAGE },
      ...["crypto", "process", "performance"].map((property) => ({
        object: "globalThis",
        property,
        message: PURE_MESSAGE,
      })),
    ],
  },
};

/** What the Web Worker's script reaches. A later block replaces a rule, so what is pure as well has the names of both. */
const browser = [
  {
    files: browserFiles,
    rules: { "no-restricted-globals": ["error", ...NODE_GLOBALS] },
  },
  {
    files: browserFiles.filter((file) => pureFiles.includes(file)),
    rules: { "no-restricted-globals": ["error", ...IMPURE_GLOBALS, ...NODE_GLOBALS] },
  },
];

/** ECMAScript leaves their last bits to each engine; + − × ÷ and √ are exact to rounding everywhere. */
const INEXACT_FUNCTIONS = [
  ...["acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "exp"],
  ...["expm1", "hypot", "log", "log10", "log1p", "log2", "pow", "sin", "sinh", "tan", "tanh"],
];

/** Pure files whose results decide bits on every machine. */
const exact = {
  files: [
    "src/shared/{statistics,network,graph,optimizer}/**/*.ts",
    "src/shared/data/{augment*,sampler}.ts",
    "src/shared/random.ts",
    "src/coordinator/aggregate.ts",
  ],
  rules: {
    "no-restricted-syntax": [
      "error",
      ...CLOCK,
      {
        selector: `MemberExpression[object.name='Math'][property.name=/^(${INEXACT_FUNCTIONS.join("|")})$/]`,
        message: "Its last bits differ between JavaScript engines; use + − × ÷ and √ here.",
      },
      {
        // Powers of two are exact in every engine.
        selector: "BinaryExpression[operator='**']:not([left.value=2])",
        message: "Its last bits differ between JavaScript engines; multiply here.",
      },
    ],
  },
};

export default tseslint.config(
  // AssemblyScript is no TypeScript: its compiler checks it.
  {
    ignores: [
      "dist/",
      "node_modules/",
      "summary/",
      "coverage/",
      "src/shared/engine/wasm/assembly/",
    ],
  },
  eslint.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // noUncheckedIndexedAccess makes every index optional; in numeric loops the assertion says that it is in range.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
    },
  },
  {
    files: ["**/*.mjs", "*.js"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        URL: "readonly",
        AbortController: "readonly",
        fetch: "readonly",
        setInterval: "readonly",
        clearInterval: "readonly",
        setTimeout: "readonly",
        clearTimeout: "readonly",
        performance: "readonly",
        Buffer: "readonly",
      },
    },
  },
  pure,
  ...browser,
  exact,
);
