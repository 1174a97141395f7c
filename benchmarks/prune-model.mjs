// Makes a model of 64 Mi weights and prunes half of them, by each score, in a process of its own: seconds, and peak
// memory with the mapped files. `node benchmarks/prune-model.mjs [folder]`; with PYTHON=<a Python that has torch>
// torch.nn.utils.prune.global_unstructured prunes as many in turn.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { create } from "@bufbuild/protobuf";
import { pruneModel, writeOnnx } from "../build/lib/index.js";
import { deferTensor } from "../build/lib/onnx/deferred.js";
import { ModelProtoSchema } from "../build/lib/onnx/proto/onnx_pb.js";
import { openModel } from "../build/lib/onnx/read.js";

const LAYERS = 16;
const WIDTH = 2048;

const TORCH = `
import resource, time, torch, torch.nn.utils.prune as prune
layers = [torch.nn.Linear(${WIDTH}, ${WIDTH}, bias=False) for _ in range(${LAYERS})]
begin = time.perf_counter()
prune.global_unstructured([(layer, "weight") for layer in layers], pruning_method=prune.L1Unstructured, amount=0.5)
for layer in layers: prune.remove(layer, "weight")
seconds = time.perf_counter() - begin
print(f"{seconds:.2f} s, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")
`;

if (process.argv[2] === "--prune") {
  const [input, score, output] = /** @type {[string, "lamp" | "magnitude", string?]} */ (
    process.argv.slice(3)
  );
  const begin = performance.now();
  const { model, zeros, values } = await pruneModel(input, { sparsity: 0.5, score, output });
  const seconds = (performance.now() - begin) / 1000;
  if (zeros.after !== values / 2) throw new Error(`${zeros.after} zeros instead of ${values / 2}`);
  model?.close();
  const peak = process.resourceUsage().maxRSS / 1e3;
  console.log(`${seconds.toFixed(2)} s, ${peak.toFixed(0)} MB`);
} else {
  const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "modelpress-prune-"));
  try {
    await compare(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @param {string} folder */
async function compare(folder) {
  if (process.env.PYTHON) print("torch global_unstructured, in memory", process.env.PYTHON, ["-c", TORCH]);
  const self = fileURLToPath(import.meta.url);
  for (const externalData of [true, false]) {
    const input = join(folder, `input-${externalData}.onnx`);
    await writeOnnx(input, openModel(chain()), { externalData });
    const where = externalData ? "external data" : "one file";
    for (const score of ["lamp", "magnitude"]) {
      print(`${score}, ${where}, in memory`, process.execPath, [self, "--prune", input, score]);
      const output = join(folder, "output.onnx");
      print(`${score}, ${where}, written`, process.execPath, [self, "--prune", input, score, output]);
    }
    rmSync(input);
  }
}

/** @param {string} what @param {string} command @param {string[]} args */
function print(what, command, args) {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  console.log(`${what}: ${stdout.trim()}`);
}

/** Layers whose weights differ from each other, as those of a trained model do. */
function chain() {
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 17n }],
    graph: {
      name: "chain",
      node: Array.from({ length: LAYERS }, (_, i) => ({
        opType: "MatMul",
        name: `layer${i}`,
        input: [`x${i}`, `w${i}`],
        output: [`x${i + 1}`],
      })),
      initializer: Array.from({ length: LAYERS }, (_, i) =>
        deferTensor(`w${i}`, "float32", [WIDTH, WIDTH], (data) => fillNoise(data, i)),
      ),
      input: [{ name: "x0" }],
      output: [{ name: `x${LAYERS}` }],
    },
  });
}

/** @param {import("modelpress").TypedArray} data @param {number} seed */
function fillNoise(data, seed) {
  let state = seed + 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  // The sum of three is near enough to a normal distribution.
  for (let i = 0; i < data.length; i++) data[i] = (next() + next() + next() - 1.5) / (20 + seed);
}
