// Makes a transformer with random weights in the shape of BERT-base, 430 MB, and tells how long quantizing it takes in the modes
// that need no samples, and how much memory: `node benchmarks/quantize-transformer.mjs [model.onnx]`. With a path the model is
// kept there. With PYTHON=<a Python that has onnxruntime, onnx and onnx_ir> its quantizers do the same in turn. Both write to the
// same folder, and both are timed as whole processes; with --no-sync ours does not wait for the disk, as they do not. Linux only.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeOnnx } from "../build/lib/index.js";
import { openModel } from "../build/lib/onnx/read.js";
import { transformer } from "./quantize-transformer/transformer.mjs";
import { compareProcesses } from "./whole-process/watch.mjs";

const cli = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

const DYNAMIC = `
import logging, sys
logging.disable(logging.WARNING)
from onnxruntime.quantization import QuantType, quantize_dynamic
quantize_dynamic(sys.argv[1], sys.argv[2], weight_type=QuantType.QInt8, per_channel=len(sys.argv) > 3)
`;
const BLOCKS = `
import logging, sys, onnx
logging.disable(logging.WARNING)
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
quantizer = MatMulNBitsQuantizer(onnx.load(sys.argv[1]), bits=4, block_size=32, is_symmetric=False)
quantizer.process()
quantizer.model.save_model_to_file(sys.argv[2], False)
`;

const folder = mkdtempSync(join(tmpdir(), "modelpress-transformer-"));
try {
  const input = process.argv[2] ?? join(folder, "transformer.onnx");
  const output = join(folder, "out.onnx");
  if (!existsSync(input)) await writeOnnx(input, openModel(transformer()));
  /** @param {string[]} args @returns {[string, string[]]} */
  const ours = (...args) => [
    `modelpress quantize ${args.join(" ")}`,
    [process.execPath, cli, "quantize", input, "-o", output, "--quiet", ...args],
  ];
  /** @param {string} name @param {string} program @param {string[]} args @returns {[string, string[]]} */
  const theirs = (name, program, ...args) => [
    name,
    [process.env.PYTHON ?? "python3", "-c", program, input, output, ...args],
  ];
  const contenders = [
    ours("--mode", "dynamic"),
    ours("--mode", "dynamic", "--no-per-channel"),
    ours("--mode", "dynamic", "--no-per-channel", "--no-sync"),
    ours("--mode", "weights"),
    ours("--mode", "float16"),
    ours("--mode", "weights", "--bits", "8"),
    ours("--bits", "4"),
    ours("--bits", "4", "--no-fit-scales"),
    ...(process.env.PYTHON
      ? [
          theirs("quantize_dynamic", DYNAMIC),
          theirs("quantize_dynamic, per channel", DYNAMIC, "per channel"),
          theirs("MatMulNBitsQuantizer, 4 bits", BLOCKS),
        ]
      : []),
  ];
  await compareProcesses(contenders, output);
} finally {
  rmSync(folder, { recursive: true });
}
