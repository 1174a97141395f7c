// Prune and repair: take whole channels out of a convolutional network, which makes it faster in every runtime, and let calibration
// samples repair the layers that read them. The same without samples shows what the repair is worth.
//   node examples/prune-and-repair.mjs
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareModels, pruneModel } from "modelpress";
import { labelledDigits } from "../scripts/labelled-digits.mjs";

const MODEL = "models/digits_cnn.onnx";
const SPARSITY = 0.4;

const { calibration, test } = labelledDigits();
const folder = mkdtempSync(join(tmpdir(), "modelpress-example-"));
try {
  const repaired = join(folder, "repaired.onnx");
  const plain = join(folder, "plain.onnx");
  await pruneModel(MODEL, { output: repaired, pattern: "channel", sparsity: SPARSITY, data: calibration });
  await pruneModel(MODEL, { output: plain, pattern: "channel", sparsity: SPARSITY });
  const results = [];
  for (const candidate of [repaired, plain]) {
    const { accuracy, size } = await compareModels(MODEL, candidate, { data: test, latency: false });
    if (!accuracy) throw new Error("the samples have no labels");
    results.push({ accuracy, size });
  }
  const [withData, without] = results;
  const percent = (/** @type {number | undefined} */ share) => `${(100 * (share ?? 0)).toFixed(2)} %`;
  console.log(`${withData?.size.ratio.toFixed(2)}x size; accuracy ${percent(withData?.accuracy.reference)}`);
  console.log(
    `repaired ${percent(withData?.accuracy.candidate)}, not repaired ${percent(without?.accuracy.candidate)}`,
  );
  if ((withData?.accuracy.difference ?? -1) < -0.01)
    throw new Error("the repaired model lost more than a point");
} finally {
  rmSync(folder, { recursive: true });
}
