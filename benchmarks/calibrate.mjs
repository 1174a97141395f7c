// Tells how long static quantization takes and how much memory: `node benchmarks/calibrate.mjs [model.onnx samples.npz]`, by
// default the models of the repository with their 256 calibration images. With PYTHON=<a Python that has onnxruntime and onnx> its
// quantizer does the same in turn: the same samples in the same batches of 32, the same format and types, a scale per channel. Both
// are timed as whole processes. Linux only.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeNpz } from "modelpress";
import { labelledDigits } from "../scripts/labelled-digits.mjs";
import { compareProcesses } from "./whole-process/watch.mjs";

const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const MODELS = ["digits_cnn", "digits_dw", "digits_vit"];
/** Ours, and the nearest that the Python tool has. */
const METHODS = /** @type {const} */ ([
  ["minmax", "MinMax"],
  ["entropy", "Entropy"],
  ["percentile", "Percentile"],
]);

const STATIC = `
import logging, sys
logging.disable(logging.WARNING)
import numpy
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
class Batches(CalibrationDataReader):
  def __init__(self, path):
    samples = dict(numpy.load(path))
    count = len(next(iter(samples.values())))
    self.batches = ({name: each[i:i + 32] for name, each in samples.items()} for i in range(0, count, 32))
  def get_next(self):
    return next(self.batches, None)
quantize_static(sys.argv[1], sys.argv[2], Batches(sys.argv[3]), quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
  weight_type=QuantType.QInt8, per_channel=True, calibrate_method=CalibrationMethod[sys.argv[4]])
`;

const folder = mkdtempSync(join(tmpdir(), "modelpress-calibrate-"));
try {
  const output = join(folder, "out.onnx");
  const [model, samples] = process.argv.slice(2);
  const digits = join(folder, "digits.npz");
  if (model === undefined) await writeNpz(digits, new Map([["image", calibrationImages()]]));
  const pairs =
    model !== undefined && samples !== undefined
      ? [[model, samples]]
      : MODELS.map((name) => [fileURLToPath(new URL(`../models/${name}.onnx`, import.meta.url)), digits]);
  for (const [input = "", data = ""] of pairs) {
    /** @param {string[]} args @returns {[string, string[]]} */
    const ours = (...args) => [
      `modelpress quantize --data ${args.join(" ")}`,
      [process.execPath, cli, "quantize", input, "-o", output, "--quiet", "--data", data, ...args],
    ];
    /** @param {string} method @returns {[string, string[]]} */
    const theirs = (method) => [
      `quantize_static, ${method}`,
      [process.env.PYTHON ?? "python3", "-c", STATIC, input, output, data, method],
    ];
    console.log(basename(input));
    await compareProcesses(
      [
        ours(),
        ...METHODS.flatMap(([own, other]) => [
          // The Python tool looks for nothing to repair and leaves nothing in float.
          ours("--calibrate", own, "--keep-float", "none", "--no-equalize"),
          ...(process.env.PYTHON ? [theirs(other)] : []),
        ]),
      ],
      output,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** @returns {import("modelpress").Tensor} */
function calibrationImages() {
  const images = labelledDigits().calibration.map(({ feeds }) => feeds.image);
  const data = new Float32Array(images.length * 784);
  for (const [i, image] of images.entries()) data.set(image.data, i * 784);
  return { dtype: "float32", shape: [images.length, 1, 28, 28], data };
}
