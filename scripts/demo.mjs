// The main job on a real model: quantize a trained classifier to int8 and prove on labelled images what that did.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { backends, compareModels, quantizeModel, readSafetensors } from "modelpress";

const MODELS = fileURLToPath(new URL("../models/", import.meta.url));
const model = join(MODELS, "digits_cnn.onnx");

/**
 * Images as the model wants them: one channel, pixels from 0 to 1.
 * @param {import("modelpress").Tensor} images uint8 [N, 28, 28]
 * @param {import("modelpress").Tensor} classes uint8 [N]
 */
function samples({ shape, data }, classes) {
  const [count = 0, height = 0, width = 0] = shape;
  const size = height * width;
  return Array.from({ length: count }, (_, i) => ({
    feeds: {
      image: {
        shape: [1, 1, height, width],
        data: Float32Array.from(
          /** @type {Uint8Array} */ (data).subarray(i * size, (i + 1) * size),
          (pixel) => pixel / 255,
        ),
      },
    },
    label: Number(classes.data[i]),
  }));
}

const digits = readSafetensors(join(MODELS, "digits.safetensors"));
/** @param {string} name */
const tensor = (name) => /** @type {import("modelpress").Tensor} */ (digits.tensors.get(name));
const calibration = samples(tensor("calib"), tensor("calib_y"));
const test = samples(tensor("x"), tensor("y"));
digits.close();

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
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("   "),
    );

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
