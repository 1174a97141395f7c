// Writes the measured parts of README.md: what the demo, the tour and a search print, the models table, the tables of
// repairs of quantized and of pruned models, the speed table.
//   npm run readme -- [demo] [tour] [optimize] [screenshot] [models] [repairs] [pruning] [bench]    all of them when none is named
// The screenshot is docs/report.png; Chromium has to be installed, or CHROMIUM_PATH to name it.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { backends, compareModels, quantizeModel } from "modelpress";
import { chromium } from "playwright-core";
import { labelledDigits } from "./labelled-digits.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "modelpress-readme-"));

/** @param {string[]} args */
function run(args) {
  return execFileSync(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** @param {string} text */
function indented(text) {
  return text.trimEnd().replaceAll(/^(?=.)/gm, "    ");
}

function demo() {
  return indented(run(["scripts/demo.mjs"]));
}

/** What somebody sees who types the commands of the tour. */
function tour() {
  const steps = [
    ["What is in it?", "inspect models/digits_cnn.onnx"],
    [
      "Into int8, calibrated with 256 images.",
      "quantize models/digits_cnn.onnx -o int8.onnx --data models/calibration.mjs",
    ],
    [
      "Is it still right, and faster?",
      "compare models/digits_cnn.onnx int8.onnx --data models/test.mjs --max-drop 0.01",
    ],
    [
      "Half of the channels out.",
      "prune models/digits_cnn.onnx -o small.onnx --pattern channel --sparsity 0.5 --data models/calibration.mjs",
    ],
  ];
  const shown = steps.map(([why, command = ""]) => {
    const args = command.split(" ").map((word) => (/^\w+\.onnx$/.test(word) ? join(folder, word) : word));
    const output = run(["dist/cli/main.js", ...args, "--quiet"]).replaceAll(`${folder}/`, "");
    return `    # ${why}\n    $ npx modelpress ${command}\n${indented(output)}`;
  });
  return shown.join("\n\n");
}

async function models() {
  const { calibration, test } = labelledDigits();
  const lines = ["| model | float32 | static | dynamic | weights |", "|---|---|---|---|---|"];
  for (const name of ["digits_cnn", "digits_dw", "digits_dw_skewed", "digits_vit"]) {
    const model = join(root, "models", `${name}.onnx`);
    const cells = [];
    let float = 0;
    for (const mode of /** @type {const} */ (["static", "dynamic", "weights"])) {
      const output = join(folder, `${name}.${mode}.onnx`);
      await quantizeModel(model, { output, mode, ...(mode === "static" && { data: calibration }) });
      const { accuracy, size, latency } = await compareModels(model, output, { data: test });
      if (!accuracy || !latency) throw new Error(`${name}: the comparison is incomplete`);
      float = accuracy.reference;
      cells.push(
        `${(100 * accuracy.candidate).toFixed(2)} %, ${size.ratio.toFixed(2)}x size, ${latency.speedup.toFixed(2)}x as fast`,
      );
    }
    lines.push(`| ${name} | ${(100 * float).toFixed(2)} % | ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

function optimize() {
  const samples = join(folder, "digits.mjs");
  const labelled = pathToFileURL(join(root, "scripts/labelled-digits.mjs")).href;
  writeFileSync(
    samples,
    `import { labelledDigits } from ${JSON.stringify(labelled)};
const { calibration, test } = labelledDigits();
export default [...calibration, ...test];
`,
  );
  const args = [
    "dist/cli/main.js",
    "optimize",
    "models/digits_cnn.onnx",
    "--data",
    samples,
    "-o",
    join(folder, "best"),
  ];
  const text = run([...args, "--quiet"]).replaceAll(join(folder, "best"), "best");
  return `    $ modelpress optimize digits_cnn.onnx --data digits.mjs -o best\n${indented(text)}`;
}

/**
 * A script that measures methods on models, as a table: a row for each method, a column for each model.
 *
 * @param {string[]} args
 * @param {string[]} models
 * @param {(fact: { db: number, accuracy: number }) => string} cell
 */
function measured(args, models, cell) {
  /** @type {{ name: string, method: string, db: number, accuracy: number }[]} */
  const facts = run([...args, "--json", ...models.flatMap((name) => ["--model", name])])
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const lines = [...new Set(facts.map(({ method }) => method))].map((method) => {
    const cells = models.map((name) => facts.find((fact) => fact.name === name && fact.method === method));
    return `| ${method} | ${cells.map((fact) => fact && cell(fact)).join(" | ")} |`;
  });
  return [`| | ${models.join(" | ")} |`, `|---${"|---".repeat(models.length)}|`, ...lines].join("\n");
}

function repairs() {
  const models = ["digits_cnn", "digits_dw", "digits_dw_skewed", "digits_vit"];
  return measured(["scripts/measure-repairs.mjs"], models, ({ db }) => db.toFixed(1));
}

function pruning() {
  const args = ["scripts/measure-pruning.mjs", "--sparsity", "0.7", "--accuracy-only"];
  const models = ["digits_cnn", "digits_dw", "digits_vit"];
  return measured(args, models, ({ accuracy }) => `${(100 * accuracy).toFixed(2)} %`);
}

async function screenshot() {
  const page = join(folder, "best/report.html");
  if (!existsSync(page)) optimize();
  const executablePath = [process.env.CHROMIUM_PATH, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
    (path) => path && existsSync(path),
  );
  if (!executablePath) throw new Error("No Chromium: install it, or set CHROMIUM_PATH");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const shown = await browser.newPage({ viewport: { width: 1120, height: 980 }, colorScheme: "light" });
  await shown.goto(pathToFileURL(page).href);
  mkdirSync(join(root, "docs"), { recursive: true });
  await shown.screenshot({ path: join(root, "docs/report.png") });
  await browser.close();
  return "![The page of a search: the verdict; size, latency and accuracy before and after; every candidate](docs/report.png)";
}

function bench() {
  const best = backends()[0]?.name ?? "js";
  run(["benchmarks/run.mjs", "--backend", best, "--sizes", "16,64K", "--output", folder]);
  return readFileSync(join(folder, "results.md"), "utf8").trimEnd();
}

const parts = { demo, tour, optimize, screenshot, models, repairs, pruning, bench };
const asked = process.argv.slice(2);
try {
  for (const [name, write] of Object.entries(parts)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    const text = await write();
    const path = join(root, "README.md");
    const readme = readFileSync(path, "utf8");
    const block = new RegExp(`(<!-- ${name}:[^>]*-->\\n)[^]*?(<!-- /${name} -->)`);
    if (!block.test(readme)) throw new Error(`README.md has no part ${name}`);
    writeFileSync(
      path,
      readme.replace(block, (_, start, end) => `${start}\n${text}\n\n${end}`),
    );
    console.log(`README.md: ${name} written`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
