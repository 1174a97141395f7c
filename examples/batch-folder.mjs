// Batch a folder of models: each is quantized, compared with what it was, and kept only where it kept its answers; a broken file stops
// nothing. Two at a time, since every model runs in a process of its own.
//   node examples/batch-folder.mjs [FOLDER]
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareModels, ModelFormatError, ModelOperationError, quantizeModel } from "modelpress";
import { labelledDigits } from "../scripts/labelled-digits.mjs";

const folder = process.argv[2] ?? "models";
const AT_ONCE = 2;
const MIN_AGREEMENT = 0.98;

const { calibration: data, test } = labelledDigits();
const outputs = mkdtempSync(join(tmpdir(), "modelpress-example-"));
const broken = join(outputs, "broken.onnx");
writeFileSync(broken, "no model");

/** @param {string} model @param {string} output */
async function convert(model, output) {
  try {
    await quantizeModel(model, { output, data });
    const { agreement = 0, size } = await compareModels(model, output, { data: test, latency: false });
    if (agreement >= MIN_AGREEMENT)
      return `${size.ratio.toFixed(2)}x size, ${(100 * agreement).toFixed(1)} % same answers`;
    rmSync(output);
    return `not kept: only ${(100 * agreement).toFixed(1)} % same answers`;
  } catch (error) {
    // What is wrong with one model; anything else is wrong with this program.
    if (error instanceof ModelFormatError || error instanceof ModelOperationError)
      return `${error.code}: ${error.message}`;
    throw error;
  }
}

const models = readdirSync(folder)
  .filter((name) => name.endsWith(".onnx"))
  .map((name) => ({
    model: join(folder, name),
    output: join(outputs, name.replace(/\.onnx$/, ".int8.onnx")),
  }));
const queue = [...models, { model: broken, output: join(outputs, "broken.int8.onnx") }];
let kept = 0;
async function work() {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const outcome = await convert(next.model, next.output);
    if (/same answers$/.test(outcome) && !outcome.startsWith("not kept")) kept++;
    console.log(`${next.model.replace(outputs, "")}: ${outcome.replace(outputs, "")}`);
  }
}
try {
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (kept < models.length / 2) throw new Error(`only ${kept} of ${models.length} models were kept`);
} finally {
  rmSync(outputs, { recursive: true });
}
