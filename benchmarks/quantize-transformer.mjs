// Makes a transformer with random weights in the shape of BERT-base, 430 MB, and tells how long quantizing it takes in the modes
// that need no samples, and how much memory: `node benchmarks/quantize-transformer.mjs [model.onnx]`. With a path the model is
// kept there. With PYTHON=<a Python that has onnxruntime, onnx and onnx_ir> its quantizers do the same in turn. Both write to the
// same folder, and both are timed as whole processes. Linux only.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeOnnx } from "../dist/index.js";
import { openModel } from "../dist/onnx/read.js";
import { transformer } from "./quantize-transformer/transformer.mjs";

const RUNS = 3;
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
  /** @type {Map<string, Run[]>} */
  const runs = new Map(contenders.map(([name]) => [name, []]));
  // In turn, so that what else the machine does meets all alike.
  for (let i = 0; i < RUNS; i++)
    for (const [name, command] of contenders) runs.get(name)?.push(await watch(command));
  for (const [name, each] of runs) console.log(summary(name, each));
} finally {
  rmSync(folder, { recursive: true });
}

/** @typedef {{ seconds: number, total: number, own: number }} Run */

/** @param {string} name @param {Run[]} runs */
function summary(name, runs) {
  const median = /** @param {keyof Run} key */ (key) =>
    runs.map((run) => run[key]).sort((a, b) => a - b)[RUNS >> 1] ?? 0;
  return `${name}: ${median("seconds").toFixed(2)} s, at most ${median("total")} MB resident, ${median("own")} MB beside the mapped files`;
}

/** @param {string[]} command @returns {Promise<Run>} */
function watch([program = "", ...args]) {
  const start = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  let [total, own] = [0, 0];
  const timer = setInterval(() => {
    const now = memory(/** @type {number} */ (child.pid));
    total = Math.max(total, now.total);
    own = Math.max(own, now.own);
  }, 5);
  return new Promise((resolve, reject) =>
    child.on("exit", (code) => {
      clearInterval(timer);
      if (code === 0) resolve({ seconds: (performance.now() - start) / 1000, total, own });
      else reject(new Error(`quantizing ended with ${code}`));
    }),
  );
}

/** Megabytes of a process and its descendants. @param {number} pid @returns {{ total: number, own: number }} */
function memory(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const field = /** @param {RegExp} pattern */ (pattern) =>
      Math.round(Number(pattern.exec(status)?.[1] ?? 0) / 1000);
    const sum = { total: field(/VmRSS:\s+(\d+)/), own: field(/RssAnon:\s+(\d+)/) };
    for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .split(" ")
      .filter(Boolean)) {
      const { total, own } = memory(Number(child));
      sum.total += total;
      sum.own += own;
    }
    return sum;
  } catch {
    return { total: 0, own: 0 };
  }
}
