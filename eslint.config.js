import eslint from "@eslint/js";
import tseslint from "typescript-eslint";

/** The parts that must not know each other; only the commands put coordinator and worker together. */
const boundary = (folder, forbidden, message) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: { "no-restricted-imports": ["error", { patterns: [{ group: forbidden, message }] }] },
});

/** The pure core: what decides the result is tested without sockets, files, clocks or TensorFlow. */
const pure = (files) => ({
  files,
  rules: {
    "no-restricted-imports": [
      "error",
      {
        paths: ["ws", "fs", "node:fs", "node:fs/promises", "node:net", "@tensorflow/tfjs-node"].map(
          (name) => ({ name, message: "This part is pure." }),
        ),
        patterns: [
          {
            group: ["**/coordinator/**", "**/worker/**", "**/commands/**"],
            message: "Not from here.",
          },
        ],
      },
    ],
    "no-restricted-globals": ["error", "performance", "Date", "setTimeout", "setInterval"],
  },
});

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", "summary/"] },
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
  boundary(
    "shared",
    ["**/coordinator/**", "**/worker/**", "**/commands/**"],
    "shared knows neither coordinator nor worker.",
  ),
  boundary(
    "coordinator",
    ["**/worker/**", "**/commands/**"],
    "The coordinator knows workers by the protocol only.",
  ),
  boundary(
    "worker",
    ["**/coordinator/**", "**/commands/**"],
    "A worker knows the coordinator by the protocol only.",
  ),
  pure([
    "src/shared/statistics/*.ts",
    "src/shared/random.ts",
    "src/shared/data/{idx,sampler}.ts",
    "src/shared/protocol/{frame,messages,payload}.ts",
    "src/shared/model/{network,values,adam,initial,state-layout}.ts",
    "src/coordinator/{schedule,aggregate}.ts",
  ]),
);
