// Networks, weights and options that cannot be: exit code 2 and one line, which names the layer or the option, before
// anything is written.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder, writeDataset } from "../support/data.js";
import { type KerasLayer, sequential, writeModel } from "../support/keras.js";
import { tandem } from "../support/tandem.js";

const data = writeDataset();
const files = temporaryFolder();
const IMAGE = [8, 10, 1];
const FLAT: KerasLayer = ["Flatten", "flat"];
const OUT: KerasLayer = ["Dense", "out", { units: 4 }];

let count = 0;
function file(text: string): string {
  const path = join(files, `network${count++}.json`);
  writeFileSync(path, text);
  return path;
}

const network = (layers: readonly KerasLayer[], shape: readonly number[] = IMAGE) =>
  file(sequential(shape, layers));

/** Two layers that are each other's input. */
function cycle(): string {
  const layer = (className: string, name: string, config: object, ...inputs: string[]) => ({
    class_name: className,
    name,
    config: { name, ...config },
    inbound_nodes: inputs.length === 0 ? [] : [inputs.map((input) => [input, 0, 0, {}])],
  });
  const layers = [
    layer("InputLayer", "in", { batch_input_shape: [null, 80] }),
    layer("Add", "sum", {}, "in", "loop"),
    layer("Dense", "loop", { units: 80 }, "sum"),
  ];
  const config = { layers, input_layers: [["in", 0, 0]], output_layers: [["loop", 0, 0]] };
  return file(JSON.stringify({ class_name: "Functional", config }));
}

async function refuse(args: readonly string[], sentence: RegExp): Promise<void> {
  const cwd = temporaryFolder();
  const common = ["--data", data, "--validation-size", "0", "--steps", "1"];
  const { code, stdout, stderr } = await tandem([...args, ...common], { cwd });
  expect(stderr).toMatch(sentence);
  expect(stderr.trim().split("\n"), stderr).toHaveLength(1);
  expect(stderr).not.toMatch(/^\s+at |should not happen/m);
  expect([code, stdout]).toEqual([2, ""]);
  expect(existsSync(join(cwd, "checkpoint.safetensors"))).toBe(false);
}

describe("a network", () => {
  const named = (name: string) => network([FLAT, ["Dense", name, { units: 4 }]]);
  const cases: [string, () => string, RegExp][] = [
    ["that is not there", () => "nothing.json", /--network nothing\.json cannot be read/],
    ["that is a folder", () => files, /--network .*not a regular file/],
    ["that is not JSON", () => file("nothing"), /not JSON/],
    ["that is not a model", () => file("{}"), /not a Keras model/],
    [
      "of an unknown layer",
      () => network([["LSTM", "memory", { units: 4 }], OUT]),
      /layer "memory".*LSTM/,
    ],
    [
      "of an unknown option",
      () =>
        network([
          ["Conv2D", "wide", { filters: 4, kernel_size: [3, 3], dilation_rate: [2, 2] }],
          FLAT,
          OUT,
        ]),
      /layer "wide".*dilation_rate/,
    ],
    [
      "whose shapes do not fit",
      () => network([["MaxPooling2D", "pool", { pool_size: [9, 9], padding: "valid" }], FLAT, OUT]),
      /layer "pool".*9×9.*8×10/,
    ],
    ["with a cycle", cycle, /cycle|loop/],
    [
      "with no loss for its output",
      () => network([["Conv2D", "top", { filters: 4, kernel_size: [1, 1] }]]),
      /layer "top".*\[8, 10, 4\]/,
    ],
    [
      "of too many parameters",
      () =>
        network([
          FLAT,
          ["Dense", "huge", { units: 1_000_000 }],
          ["Dense", "more", { units: 1_000 }],
          OUT,
        ]),
      /layer "more"/,
    ],
    [
      "with duplicate names",
      () => network([FLAT, ["Dense", "out", { units: 4 }], OUT]),
      /layer "out".*same name/,
    ],
    ["with an empty name", () => named(""), /name/],
    ["with a name of JavaScript's", () => named("__proto__"), /layer "__proto__".*reserved/],
    ["with a comma in a name", () => named("a,b"), /layer "a,b".*comma/],
    [
      "for other images",
      () => network([FLAT, OUT], [28, 28, 1]),
      /layer "flat" is \[28, 28, 1\].*\[8, 10, 1\]/,
    ],
    [
      "with too many outputs",
      () => network([FLAT, ["Dense", "ten", { units: 10 }]]),
      /layer "ten": it has 10 outputs.*4 classes/,
    ],
    [
      "with nothing to train",
      () => network([FLAT, ["Dense", "out", { units: 4, trainable: false }]]),
      /no parameter to train/,
    ],
  ];
  test.each(cases)("%s", async (_what, network, sentence) => {
    await refuse(["single", "--network", network()], sentence);
  });

  test("of more tensors than a message has, where there are workers", async () => {
    const layers = Array.from({ length: 900 }, (_, index): KerasLayer => {
      return ["Dense", `d${index}`, { units: 2 }];
    });
    const path = network([FLAT, ...layers, OUT]);
    await refuse(["local", "--network", path], /\d{4} tensors in one message.*at most 4096/);
  });
});

describe("options", () => {
  const cases: [string[], RegExp][] = [
    [["--network", "resnet"], /--network resnet cannot be read/],
    [["--optimizer", "lion"], /--optimizer/],
    [["--momentum", "0.9"], /--momentum is not an option of the optimizer adam/],
    [["--optimizer", "sgd", "--beta1", "0.5"], /--beta1 is not an option of the optimizer sgd/],
    [["--optimizer", "momentum", "--momentum", "1"], /--momentum/],
    [["--warmup", "2"], /--warmup/],
    [["--schedule", "step"], /--schedule/],
    [["--clip-norm", "0"], /--clip-norm/],
    [["--weight-decay", "-1"], /--weight-decay/],
    [["--loss", "hinge"], /--loss/],
    [
      ["--loss", "huber", "--label-smoothing", "0.1"],
      /--label-smoothing is not an option of the loss huber/,
    ],
    [["--label-smoothing", "1"], /--label-smoothing/],
    [["--huber-delta", "2"], /--huber-delta is not an option of the loss softmax-cross-entropy/],
    [["--loss", "huber", "--huber-delta", "0"], /--huber-delta/],
    [["--rho", "0.5"], /--rho is not an option of the optimizer adam/],
    [["--optimizer", "rmsprop", "--rho", "1"], /--rho/],
    [["--initial", "a.safetensors", "--resume", "b.safetensors"], /--initial and --resume/],
    [["--initial", "a.safetensors"], /a\.safetensors does not exist/],
    [["--engine", "webgpu"], /--engine.*tensorflow, wasm/],
  ];
  test.each(cases)("%j", async (args, sentence) => {
    await refuse(["single", ...args], sentence);
  });
});

test("--verify and --mixed-numerics, which contradict each other, are refused together", async () => {
  const both = ["--verify", "0.5", "--mixed-numerics"];
  for (const command of ["local", "coordinator"]) {
    await refuse([command, ...both], /--verify and --mixed-numerics cannot be used together/);
  }
});

describe("weights to start from", () => {
  const topology = sequential(IMAGE, [FLAT, OUT]);
  const weights = [
    { name: "out/kernel", shape: [80, 4], values: new Array<number>(320).fill(0.5) },
    { name: "out/bias", shape: [4], values: [0, 0, 0, 0] },
  ];
  let model: string;
  beforeAll(() => {
    model = writeModel(files, topology, weights);
  });

  test("of another network are refused, and so is a layer of another shape", async () => {
    await refuse(["single", "--initial", model, "--network", "sigmoid"], /no layer matches.*"fc1"/);
    const other = network([FLAT, ["Dense", "out", { units: 9 }], ["Dense", "last", { units: 4 }]]);
    await refuse(["single", "--initial", model, "--network", other], /layer "out" has bias \[4\]/);
    const own = ["--initial", model, "--output", model];
    await refuse(["single", ...own], /--output .* is also --initial/);
  });

  test("bring their network along", async () => {
    const cwd = temporaryFolder();
    const args = ["--data", data, "--validation-size", "0", "--steps", "2", "--json"];
    const { code, events, stderr } = await tandem(["single", "--initial", model, ...args], { cwd });
    expect(code, stderr).toBe(0);
    const config = events.find(({ event }) => event === "start")?.["config"];
    expect(config).toMatchObject({ network: { layers: [{ name: "flat" }, { name: "out" }] } });
  });
});

test("a resume keeps to its network, optimizer and schedule", async () => {
  const cwd = temporaryFolder();
  const common = ["--data", data, "--validation-size", "0", "--output", join(cwd, "c.safetensors")];
  const chosen = ["--network", "sigmoid", "--optimizer", "adamw", "--schedule", "one-cycle"];
  const first = await tandem(["single", ...common, ...chosen, "--steps", "3"], { cwd });
  expect(first.code, first.stderr).toBe(0);
  const resume = ["single", ...common, "--resume", join(cwd, "c.safetensors")];
  const contradictions: [string[], RegExp][] = [
    [["--network", "cnn"], /--network cnn contradicts .*another network/],
    [["--network", "sigmoid-plain"], /--network sigmoid-plain contradicts/],
    [["--optimizer", "sgd"], /--optimizer sgd contradicts .*adam/],
    [["--batch-norm", "sync"], /--batch-norm sync contradicts .*ghost/],
    [["--population", "ema-corrected"], /--population ema-corrected contradicts .* ema\./],
    [["--weight-decay", "0"], /--weight-decay 0 contradicts .*0\.01/],
    [["--schedule", "cosine"], /--schedule cosine contradicts .*one-cycle/],
    [["--warmup", "0.7"], /--warmup 0\.7 contradicts .*1 steps of warm-up/],
    [["--loss", "huber"], /--loss huber contradicts/],
    [["--steps", "4"], /--steps 4 contradicts .*one-cycle schedule is for 3 steps/],
  ];
  for (const [args, sentence] of contradictions) {
    const { code, stderr } = await tandem([...resume, ...args], { cwd });
    expect(stderr).toMatch(sentence);
    expect([code, stderr.trim().split("\n").length]).toEqual([2, 1]);
  }
  const again = await tandem([...resume, ...chosen, "--json"], { cwd });
  expect(again.code, again.stderr).toBe(0);
  expect(again.events.at(-1)).toMatchObject({ event: "end", step: 3 });
});
