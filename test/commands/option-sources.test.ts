// Options from the command line, from variables and from a file: what comes first, and what is refused.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Option } from "commander";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { givenOptions, wholeNumber } from "../../src/commands/options.js";
import { addConfigOption, TandemCommand } from "../../src/commands/tandem-command.js";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { tandem } from "../support/tandem.js";

afterEach(() => vi.unstubAllEnvs());

let folder = "";
beforeEach(() => (folder = temporaryFolder()));

function file(value: unknown): string {
  const path = join(folder, "run.json");
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
}

/** The options that a command with options of every form reads from its sources. */
function read(...args: string[]) {
  const program = new TandemCommand("tandem").exitOverride();
  program.configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  const command = program
    .command("train")
    .option("--steps <n>", "steps", wholeNumber(0), 100)
    .option("--batch-size <n>", "samples", wholeNumber(1), 50)
    .option("--output <file>", "file")
    .option("--json", "events")
    .option("--no-color", "no colours")
    .option("--via <url...>", "relays")
    .addOption(new Option("--engine <name>", "engine").choices(["tensorflow", "wasm"]));
  addConfigOption(command);
  let seen: Record<string, unknown> = {};
  let given: Record<string, unknown> = {};
  command.action((options: Record<string, unknown>) => {
    seen = options;
    given = givenOptions(command, options);
  });
  program.parse(["train", ...args], { from: "user" });
  return { seen, given };
}

describe("each source", () => {
  test("the default, which does not count as given", () => {
    const { seen, given } = read();
    expect(seen).toEqual({ steps: 100, batchSize: 50, color: true });
    expect(given).toEqual({});
  });

  test("a variable, through the option's own parser", () => {
    vi.stubEnv("TANDEM_BATCH_SIZE", "128");
    vi.stubEnv("TANDEM_ENGINE", "wasm");
    vi.stubEnv("TANDEM_OUTPUT", "a b.safetensors");
    expect(read().given).toEqual({ batchSize: 128, engine: "wasm", output: "a b.safetensors" });
  });

  test("a file, with numbers, texts, flags and lists", () => {
    const values = {
      ...{ batchSize: 128, engine: "wasm", json: true, color: false, steps: "7" },
      via: ["ws://one", "ws://two"],
    };
    const { config, ...given } = read("--config", file(values)).given;
    expect(config).toBe(join(folder, "run.json"));
    expect(given).toEqual({ ...values, steps: 7 });
  });

  test.each([
    ["1", true],
    ["true", true],
    ["Yes", true],
    ["0", false],
    ["false", false],
    ["off", false],
  ])("a flag's variable of %s", (text, value) => {
    vi.stubEnv("TANDEM_JSON", text);
    vi.stubEnv("TANDEM_COLOR", text);
    expect(read().seen).toMatchObject({ json: value, color: value });
  });

  test("a variable without a value is not set", () => {
    vi.stubEnv("TANDEM_STEPS", "");
    vi.stubEnv("TANDEM_JSON", "");
    expect(read().given).toEqual({});
  });

  test("a variable of a name that no option has says nothing", () => {
    vi.stubEnv("TANDEM_PORT", "tcp://10.0.0.1:7711");
    vi.stubEnv("TANDEM_VERSION", "1");
    expect(read().given).toEqual({});
  });
});

describe("precedence", () => {
  const values = { steps: 1, batchSize: 2, engine: "tensorflow", via: ["ws://file"] };

  test("command line, variable, file, default", () => {
    vi.stubEnv("TANDEM_STEPS", "10");
    vi.stubEnv("TANDEM_BATCH_SIZE", "20");
    const { seen } = read("--config", file(values), "--steps", "100");
    expect(seen).toMatchObject({ steps: 100, batchSize: 20, engine: "tensorflow", color: true });
  });

  test("wherever --config stands, and where it is a variable itself", () => {
    const path = file(values);
    expect(read("--steps", "100", "--config", path).seen).toMatchObject({ steps: 100 });
    vi.stubEnv("TANDEM_CONFIG", path);
    expect(read("--steps", "100").seen).toMatchObject({ steps: 100, batchSize: 2 });
  });

  test("a list is replaced, not continued", () => {
    const { seen } = read("--config", file(values), "--via", "ws://a", "ws://b");
    expect(seen["via"]).toEqual(["ws://a", "ws://b"]);
  });

  test("a value that equals the default still comes first", () => {
    vi.stubEnv("TANDEM_STEPS", "100");
    expect(read("--config", file(values)).given).toMatchObject({ steps: 100 });
  });
});

describe("refused by name", () => {
  test.each([
    [
      "TANDEM_STEPS",
      "many",
      /^TANDEM_STEPS: many is not a valid value for --steps\. .*whole number/,
    ],
    ["TANDEM_ENGINE", "gpu", /^TANDEM_ENGINE: gpu .*--engine\. .*tensorflow, wasm/],
    ["TANDEM_JSON", "2", /^TANDEM_JSON: 2 .*--json\. .*true or false/],
    ["TANDEM_COLOR", "red", /^TANDEM_COLOR: red .*--no-color/],
    ["TANDEM_STEPS", "\u001b[2J", /^TANDEM_STEPS: \ufffd\[2J/],
  ])("%s=%s", (name, text, sentence) => {
    vi.stubEnv(name, text);
    expect(() => read()).toThrow(sentence);
  });

  test.each<[string, unknown, RegExp]>([
    ["an unknown key", { stepps: 3 }, /run\.json: stepps: tandem train has no such option/],
    ["the command line's spelling", { "batch-size": 3 }, /batch-size: .*Write batchSize\./],
    ["a secret", { token: "0123456789abcdef" }, /token: .*tokenFile/],
    ["a file in the file", { config: "x" }, /config: tandem train has no such option/],
    ["a name of JavaScript's", '{"__proto__": 1}', /__proto__: tandem train has no such option/],
    [
      "a number that cannot be",
      { steps: -1 },
      /run\.json: steps: -1 is not a valid value for --steps/,
    ],
    ["nothing", { steps: null }, /steps: null .*number or a string/],
    ["an object", { output: {} }, /output: \{\} .*number or a string/],
    ["a list for one value", { steps: [1, 2] }, /steps: \[1,2\] .*single number or string/],
    ["a flag that is a text", { json: "yes" }, /json: "yes" .*true or false/],
    ["no object", [1], /--config .*run\.json is not a JSON object/],
    ["no JSON", "{steps: 3}", /--config .*run\.json cannot be read .*JSON/],
  ])("%s", (_what, value, sentence) => {
    expect(() => read("--config", file(value))).toThrow(sentence);
  });

  test("a wrong value in the file also where another source comes first", () => {
    const path = file({ steps: "many" });
    expect(() => read("--config", path, "--steps", "3")).toThrow(/run\.json: steps: many/);
  });

  test("a file that is not there, a folder, and one that never ends", () => {
    expect(() => read("--config", "nothing.json")).toThrow(/--config nothing\.json cannot be read/);
    mkdirSync(join(folder, "inner"));
    expect(() => read("--config", join(folder, "inner"))).toThrow(/cannot be read/);
    expect(() => read("--config", "/dev/zero")).toThrow(/too large/);
  });

  test("but help is shown whatever the variables say", () => {
    vi.stubEnv("TANDEM_STEPS", "many");
    expect(() => read("--help")).toThrow("(outputHelp)");
  });
});

describe("the command", () => {
  const training = () => ({
    data: writeDataset(),
    ...{ validationSize: 0, steps: 6, batchSize: 10, network: "sigmoid", engine: "wasm" },
  });

  async function config(args: string[], env: NodeJS.ProcessEnv = {}) {
    const { code, events, stderr } = await tandem(args, { cwd: folder, env });
    expect(code, stderr).toBe(0);
    return events.find(({ event }) => event === "start")?.["config"];
  }

  test("the same run from three sources", async () => {
    const values = training();
    const given = Object.entries(values).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      String(value),
    ]);
    const args = given.flatMap(([name, value]) => [`--${name}`, value!]);
    const variables = given.map(([name, value]) => [
      `TANDEM_${name!.toUpperCase().replaceAll("-", "_")}`,
      value,
    ]);
    const fromArgs = await config(["single", "--json", ...args]);
    expect(fromArgs).toMatchObject({ batchSize: 10, validationSize: 0 });
    const env = { ...Object.fromEntries(variables), TANDEM_JSON: "1" } as NodeJS.ProcessEnv;
    expect(await config(["single"], env)).toEqual(fromArgs);
    const path = file({ ...values, json: true });
    expect(await config(["single", "--config", path])).toEqual(fromArgs);
  });

  test("a recipe yields to what a file gives", async () => {
    const path = file({ ...training(), recipe: "fast", learningRate: 0.5 });
    expect(await config(["single", "--json", "--config", path])).toMatchObject({
      ...{ batchSize: 10, learningRate: 0.5 },
      optimizer: { beta1: 0.7 },
    });
  });

  test("the workers of `local` are not given its options", async () => {
    const path = file({ ...training(), workers: 2, json: true });
    const env = { TANDEM_CONFIG: path, TANDEM_TOKEN_FILE: join(folder, "nothing") };
    expect(await config(["local"], env)).toMatchObject({ shards: 2 });
  });

  test("is exit code 2 and one line where a variable is wrong", async () => {
    const env = { TANDEM_PORT: "tcp://10.0.0.1:7711" };
    const { code, stderr } = await tandem(["coordinator"], { cwd: folder, env });
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^tandem: TANDEM_PORT: tcp:\/\/10\.0\.0\.1:7711 is not a valid value for --port\./,
    );
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  test("says so in its help", async () => {
    for (const command of ["coordinator", "worker", "evaluate", "show"]) {
      const { code, stdout } = await tandem([command, "--help"]);
      expect(code).toBe(0);
      expect(stdout).toContain("--config <file>");
      expect(stdout).toContain("TANDEM_BATCH_SIZE for --batch-size");
    }
  });
});
