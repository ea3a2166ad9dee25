// Names that come with data and mean something elsewhere: to a terminal, a shell, a page, Markdown, JavaScript. They travel unchanged
// in checkpoints, exports and JSON, and act on nothing where people read them.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserPath, openBrowser } from "../../scripts/browser.mjs";
import { temporaryFolder } from "../support/data.js";
import { CLI, tandem } from "../support/tandem.js";

const HOSTILE = [
  "<img src=x onerror=alert(1)>",
  "line\nfeed",
  "\u202eover\u2066ride",
  "__proto__",
  "constructor",
  "a, \"b\"; 'c' $(d) `e`",
  "|*_# [x](y) 😀",
  `\u001b[2J${"long".repeat(22)}`,
].toSorted((a, b) => (a < b ? -1 : 1));

/** What the table is to predict: only a shell's own escapes say it on one line. */
const LABEL = "it's a\n\"\\ \u202ekind";

/** Control characters but line feeds, which end lines; and what turns text around. */
const ACTING = /(?!\n)\p{Cc}|[\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

const cwd = temporaryFolder();
const at = (...path: string[]) => join(cwd, ...path);
const SETTINGS = [
  "--engine",
  "wasm",
  "--batch-size",
  "8",
  "--validation-size",
  "0",
  "--steps",
  "2",
];
const quoteCell = (cell: string) => `"${cell.replaceAll('"', '""')}"`;

/** Nothing that is printed for people acts on a terminal. */
async function run(...args: string[]) {
  const ended = await tandem(args, { cwd });
  expect(ended.code, ended.stderr).toBe(0);
  expect(ended.stderr).not.toMatch(ACTING);
  if (!args.includes("--json")) expect(ended.stdout).not.toMatch(ACTING);
  return ended;
}

function writeTable(file: string): void {
  const header = [...HOSTILE.map((name) => `column ${name}`), "number", LABEL];
  const rows = Array.from({ length: 80 }, (_, row) => {
    const name = HOSTILE[row % HOSTILE.length]!;
    return [...HOSTILE.map((_other, column) => HOSTILE[(row + column) % 8]!), `${row}`, name];
  });
  writeFileSync(at(file), [header, ...rows].map((row) => row.map(quoteCell).join(",")).join("\n"));
}

async function writePictures(folder: string): Promise<void> {
  for (const [index, name] of HOSTILE.entries()) {
    mkdirSync(at(folder, name), { recursive: true });
    for (let level = 0; level < 6; level++) {
      const pixels = new Uint8Array(64).fill(30 * index + level);
      const raw = { width: 8, height: 8, channels: 1 } as const;
      await sharp(pixels, { raw })
        .png()
        .toFile(at(folder, name, `${level}.png`));
    }
  }
}

const SETS = [
  { what: "a table", data: "table.csv", options: ["--label", LABEL], input: "table.csv" },
  { what: "a folder of pictures", data: "pictures", options: [], input: "pictures" },
];

beforeAll(async () => {
  writeTable("table.csv");
  await writePictures("pictures");
});

describe.each(SETS)("of $what", ({ data, options, input }) => {
  const checkpoint = `${data}.safetensors`;
  const summary = `${data}-summary`;

  beforeAll(async () => {
    const files = ["--output", checkpoint, "--summary-dir", summary];
    const args = ["single", ...SETTINGS, "--network", "sigmoid", "--data", data, ...options];
    await run(...args, ...files);
  });

  test("the checkpoint holds them, and they are shown without acting", async () => {
    const [inspected] = (await run("inspect", checkpoint, "--json")).events;
    const config = inspected!["config"] as { data: { classNames: string[]; table?: unknown } };
    expect(config.data.classNames).toEqual(HOSTILE);
    if (data === "table.csv") {
      const columns = HOSTILE.map((name) => {
        return { name: `column ${name}`, kind: "category", categories: HOSTILE };
      });
      expect(config.data.table).toMatchObject({ label: LABEL, columns: [...columns, {}] });
    }
    await run("inspect", checkpoint);
    await run("evaluate", checkpoint, "--data", data);
  });

  test("predictions have them as they are, and for people without acting", async () => {
    const { events } = await run("predict", checkpoint, input, "--json");
    expect(events.length).toBeGreaterThan(40);
    for (const { class: index, label } of events) expect(label).toBe(HOSTILE[Number(index)]);
    const { stdout } = await run("predict", checkpoint, input);
    expect(stdout.trim().split("\n")).toHaveLength(events.length);
  });

  test("exports hold them", async () => {
    const outputs = { keras: "x.keras", tfjs: "x-tfjs", onnx: "x.onnx", "saved-model": "x-saved" };
    for (const [format, output] of Object.entries(outputs)) {
      await run("export", checkpoint, "--format", format, "--output", `${data}-${output}`);
    }
    const text = JSON.stringify(HOSTILE);
    const read = (...path: string[]) => readFileSync(at(...path));
    for (const file of [
      [`${data}-x.keras`],
      [`${data}-x-tfjs`, "model.json"],
      [`${data}-x.onnx`],
    ]) {
      expect(read(...file).includes(text), file.join("/")).toBe(true);
    }
    const lines = read(`${data}-x-saved`, "assets.extra", "class_names.txt").toString().split("\n");
    expect(lines.slice(0, -1)).toEqual(HOSTILE.map((name) => name.replaceAll("\n", " ")));
  });

  test("in a model card they are text, and its command trains the same bytes again", async () => {
    const output = ["--format", "onnx", "--output", `${data}-carded.onnx`];
    const card = `${data}-card.md`;
    await run("export", checkpoint, ...output, "--card", card, "--data", data);
    const text = readFileSync(at(card), "utf8");
    expect(text).not.toMatch(ACTING);
    const outside = text.split(/```.*?```/s).join("");
    expect(outside).not.toMatch(/(?<!\\)<img|(?<!\\)\]\(/);
    // Every row of the matrix has as many cells, as a Markdown parser counts them.
    const matrix = /### Confusion matrix\n\n((?:\|.*\n)+)/.exec(text)![1]!.trim().split("\n");
    const cells = matrix.map((line) => line.replaceAll(/\\./gs, "").split("|").length);
    expect(cells).toEqual(matrix.map(() => HOSTILE.length + 3));
    const [, json] = /```json\n(.*?)\n```/s.exec(text) ?? [];
    const config = JSON.parse(json!) as { data: { classNames: string[] } };
    expect(config.data.classNames).toEqual(HOSTILE);
    const [, line] = /```sh\n(.*)\n```/.exec(text) ?? [];
    expect(line).not.toMatch(/[A-Z]{4,}/);
    const script = `tandem() { "$NODE" "$CLI" "$@"; }; ${line!} --output again.safetensors`;
    const env = { ...process.env, NODE: process.execPath, CLI, LC_ALL: "C.UTF-8" };
    execFileSync("bash", ["-c", script], { cwd, env, stdio: "ignore" });
    expect(readFileSync(at("again.safetensors")).equals(readFileSync(at(checkpoint)))).toBe(true);
  });

  describe.skipIf(browserPath === undefined)("on the page", () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterAll(() => browser.close());

    test("they are text", { timeout: 60_000 }, async () => {
      await run("show", summary, "--export", `${data}.html`);
      const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
      const faults: string[] = [];
      page.on("console", (message) => faults.push(message.text()));
      page.on("pageerror", (error) => faults.push(error.message));
      page.on("dialog", (dialog) => {
        faults.push(dialog.message());
        void dialog.dismiss();
      });
      await page.goto(`file://${at(`${data}.html`)}`);
      await page.locator("#confusion-holder .name", { hasText: "__proto__" }).first().waitFor();
      const text = await page.evaluate<string>('document.querySelector("main").textContent');
      expect(text).toContain("<img src=x onerror=alert(1)>");
      expect(text).not.toMatch(ACTING);
      expect(await page.locator("img").count()).toBe(0);
      const wide = await page.evaluate<number>("document.documentElement.scrollWidth");
      expect(wide).toBeLessThanOrEqual(1200);
      expect(faults).toEqual([]);
      await page.close();
    });
  });
});

test("names that are too long are refused in one line", async () => {
  const [column, folder] = ["x".repeat(300), "y".repeat(200)];
  writeFileSync(at("long.csv"), `${column},kind\n1,a\n2,b\n`);
  for (const name of ["a", folder]) {
    mkdirSync(at("long", name), { recursive: true });
    writeFileSync(at("long", name, "picture.png"), "not looked at");
  }
  const sets = {
    "long.csv": /column 1, "x{79}…", has 300 characters/,
    long: /this has 200\. Rename/,
  };
  for (const [data, sentence] of Object.entries(sets)) {
    const { code, stderr } = await tandem(["single", ...SETTINGS, "--data", data], { cwd });
    expect(stderr).toMatch(sentence);
    expect(stderr.trim().split("\n"), stderr).toHaveLength(1);
    expect(code).toBe(2);
  }
});
