// The main job on a real model: quantize a trained classifier to int8 and prove on labelled images what that did.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { backends, compareModels, quantizeModel } from "modelpress";
import { labelledDigits } from "./labelled-digits.mjs";

const model = fileURLToPath(new URL("../models/digits_cnn.onnx", import.meta.url));

const { calibration, test } = labelledDigits();
const folder = await mkdtemp(join(tmpdir(), "modelpress-demo-"));
try {
  const output = join(folder, "digits_cnn.int8.onnx");
  const started = performance.now();
  const quantized = await quantizeModel(model, { output, data: calibration });
  const seconds = (performance.now() - started) / 1000;
  const { accuracy, agreement, size, latency, threads } = await compareModels(model, output, { data: test });
  if (!accuracy || !latency || agreement === undefined) throw new Error("the comparison is incomplete");

  const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(2)} %`;
  const correct = (/** @type {"reference" | "candidate"} */ which) =>
    `${percent(accuracy[which])} (${accuracy.correct[which]} of ${test.length})`;
  const rows = [
    ["", "float32", "int8", "change"],
    ["file size", `${size.reference} B`, `${size.candidate} B`, `${size.ratio.toFixed(3)}x`],
    [
      "accuracy",
      correct("reference"),
      correct("candidate"),
      `${(100 * accuracy.difference).toFixed(2)} points`,
    ],
    ["same answer", "", percent(agreement), ""],
    [
      "median latency",
      `${latency.reference.medianMs.toFixed(3)} ms`,
      `${latency.candidate.medianMs.toFixed(3)} ms`,
      `${latency.speedup.toFixed(2)}x as fast`,
    ],
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  console.log(
    `digits_cnn, judged on ${test.length} labelled images of handwritten digits it was not calibrated with\n`,
  );
  for (const row of rows) {
    const cells = row.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
    );
    console.log(cells.join("   ").trimEnd());
  }

  /** @type {Map<string, number>} */
  const done = new Map();
  for (const { opType, treatment } of quantized.nodes) {
    const what = `${opType} ${treatment === "merged" ? "merged into the node before it" : `in ${treatment}`}`;
    done.set(what, (done.get(what) ?? 0) + 1);
  }
  console.log(
    `\nwhat was done (${quantized.mode}, ${quantized.samples} calibration images, ${seconds.toFixed(1)} s):`,
  );
  for (const [what, count] of done) console.log(`  ${count} ${what}`);
  console.log(
    `\nkernels: ${backends()[0]?.name}; latency of one image with ${threads} thread(s) of onnxruntime-node, the two models in turn`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
