// Shrink a transformer: every way to store its weights is tried, and the smallest file that keeps its answers is chosen.
//   node examples/shrink-transformer.mjs
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareModels, quantizeModel } from "modelpress";
import { labelledDigits } from "../scripts/labelled-digits.mjs";

const MODEL = "models/digits_vit.onnx";
/** How much accuracy the model may lose: half a point. */
const MAX_DROP = 0.005;

/** @type {Record<string, import("modelpress").QuantizeOptions>} */
const ways = {
  float16: { mode: "float16" },
  "int8, dynamic": { mode: "dynamic" },
  "int8 weights": { mode: "weights" },
  "4-bit blocks": { bits: 4 },
  "4-bit blocks, compensated": { bits: 4, data: labelledDigits().calibration },
};

const { test } = labelledDigits();
const folder = mkdtempSync(join(tmpdir(), "modelpress-example-"));
try {
  const results = [];
  for (const [way, options] of Object.entries(ways)) {
    const output = join(folder, "candidate.onnx");
    await quantizeModel(MODEL, { ...options, output });
    const { accuracy, size } = await compareModels(MODEL, output, { data: test, latency: false });
    results.push({ way, ratio: size.ratio, drop: -(accuracy?.difference ?? -1) });
  }
  for (const { way, ratio, drop } of results)
    console.log(`${way.padEnd(26)} ${ratio.toFixed(2)}x size, ${(100 * drop).toFixed(2)} points lost`);
  const kept = results.filter(({ drop }) => drop <= MAX_DROP).sort((a, b) => a.ratio - b.ratio);
  if (!kept[0]) throw new Error("nothing keeps the accuracy");
  console.log(`chosen: ${kept[0].way}`);
} finally {
  rmSync(folder, { recursive: true });
}
