// Damages real files at random and reads them, for as long as asked: each must end in a ModelFormatError or in tensors that
// can be read and written. The tests do this for seconds.
//   node scripts/fuzz.mjs [--format safetensors|index|gguf|onnx|npy|npz|pickle] [--seconds N] [--seed N] [--keep DIR]
// The first input that does anything else is saved, and its seed printed.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  inspectModel,
  inspectPickle,
  ModelFormatError,
  readGguf,
  readNpy,
  readNpz,
  readOnnx,
  readSafetensors,
  verifySafetensors,
  writeGguf,
  writeNpy,
  writeOnnx,
  writeSafetensors,
} from "modelpress";
import { applyEdits, EDIT_KINDS, repairSafetensors } from "./fuzz/edits.mjs";
import { editMessage } from "./fuzz/protobuf.mjs";

const { values: options } = parseArgs({
  options: {
    format: { type: "string" },
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 2 ** 32) },
    keep: { type: "string", default: "." },
  },
});
/** Of the processor's time, which a busy machine does not add to: most of it is compiling, and writing what was taken. */
const MAX_MILLISECONDS = 500;
const MAX_EXTRA_BYTES = 50_000_000;
const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "modelpress-fuzz-"));
const rewritten = join(folder, "rewritten");

let state = Number(options.seed) >>> 0 || 1;
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

/** @param {Uint8Array} bytes @param {number} within Edits hit this many bytes at the start. */
function damage(bytes, within) {
  const edits = Array.from({ length: 1 + (random() % 5) }, () => ({
    kind: /** @type {import("./fuzz/edits.mjs").Edit["kind"]} */ (EDIT_KINDS[random() % EDIT_KINDS.length]),
    at: random() % within,
    value: random() % 256,
  }));
  return applyEdits(bytes, edits);
}

/** @param {Uint8Array[]} files */
function damageOne(files) {
  const file = files[random() % files.length] ?? Buffer.alloc(0);
  return damage(file, file.length);
}

/** @param {import("modelpress").Tensor["data"]} data */
function touch(data) {
  if (data.length > 0 && data.at(-1) === undefined) throw new Error("a tensor ends before its length");
}

const tensors = Object.fromEntries(
  /** @type {const} */ ([
    ["float32", [4, 8], new Float32Array(32)],
    ["int64", [3], new BigInt64Array(3)],
    ["float4e2m1", [2, 4], new Uint8Array(4)],
    ["bfloat16", [0, 5], new Uint16Array()],
    ["bool", [], Uint8Array.of(1)],
  ]).map(([dtype, shape, data]) => [`layer.${dtype}`, { dtype, shape, data }]),
);
const whole = join(folder, "whole.safetensors");
await writeSafetensors(whole, tensors, { metadata: { format: "pt" }, checksums: true });
const safetensors = readFileSync(whole);
const dataBytes = Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
const index = Buffer.from(
  JSON.stringify({
    metadata: { total_size: dataBytes },
    weight_map: Object.fromEntries(Object.keys(tensors).map((name) => [name, "whole.safetensors"])),
  }),
);
/** @param {string} name */
const fixture = (name) => readFileSync(join(root, "test/fixtures", name));
const gguf = fixture("every-type.gguf");
const npy = fixture("numpy.npy");
const archives = ["numpy.npz", "numpy-compressed.npz"].map(fixture);
const pickles = ["joblib.joblib", "joblib-zlib.joblib", "torch.pt", "torch-legacy.pt"].map(fixture);
const models = await Promise.all(["digits_cnn.onnx", "digits_vit.onnx"].map(withoutWeights));

/** Weights are nearly all of a model's bytes, and damage to them is none. @param {string} name */
async function withoutWeights(name) {
  const model = readOnnx(join(root, "models", name));
  for (const tensor of model.proto.graph?.initializer ?? []) {
    if (tensor.dataType !== 1) continue;
    tensor.rawData = tensor.rawData.subarray(0, 8);
    tensor.dims = [BigInt(tensor.rawData.length / 4)];
  }
  await writeOnnx(join(folder, name), model);
  return readFileSync(join(folder, name));
}

/** @param {string} path */
async function useSafetensors(path) {
  const file = readSafetensors(path);
  for (const { data } of file.tensors.values()) touch(data);
  await verifySafetensors(path);
  await writeSafetensors(rewritten, file.tensors, { metadata: file.metadata, sync: false });
  file.close();
  readSafetensors(rewritten).close();
}

/** @type {Record<string, { name: string, make: () => Uint8Array, use: (path: string) => Promise<void> }>} */
const FORMATS = {
  safetensors: {
    name: "hostile.safetensors",
    make: () => repairSafetensors(damage(safetensors, safetensors.length), dataBytes),
    use: useSafetensors,
  },
  index: { name: "hostile.index.json", make: () => damage(index, index.length), use: useSafetensors },
  gguf: {
    name: "hostile.gguf",
    make: () => damage(gguf, 1500),
    use: async (path) => {
      const file = readGguf(path);
      for (const { data } of file.tensors.values()) touch(data);
      await writeGguf(rewritten, file.tensors, { metadata: file.metadata, sync: false });
      file.close();
      readGguf(rewritten).close();
    },
  },
  npy: {
    name: "hostile.npy",
    make: () => damage(npy, npy.length),
    use: async (path) => {
      const file = readNpy(path);
      touch(file.data);
      await writeNpy(rewritten, file, { sync: false });
      file.close();
      readNpy(rewritten).close();
    },
  },
  npz: {
    name: "hostile.npz",
    make: () => damageOne(archives),
    use: async (path) => {
      const file = readNpz(path);
      for (const { data } of file.tensors.values()) touch(data);
      file.close();
    },
  },
  pickle: {
    name: "hostile.pkl",
    make: () => damageOne(pickles),
    use: async (path) => void inspectPickle(path),
  },
  onnx: {
    name: "hostile.onnx",
    make: () => {
      const model = models[random() % models.length] ?? Buffer.alloc(0);
      return random() % 4 === 0 ? damage(model, model.length) : editMessage(model, random);
    },
    use: async (path) => {
      inspectModel(path);
      const model = readOnnx(path);
      for (const { data } of model.tensors.values()) touch(data);
      // Not each time: it waits for the disk.
      if (random() % 16 === 0) await writeOnnx(join(folder, "rewritten.onnx"), model);
      model.close();
    },
  },
};

/** @param {string} path @param {(path: string) => Promise<void>} use */
async function outcome(path, use) {
  const before = process.memoryUsage();
  const started = process.cpuUsage();
  let what = "taken";
  try {
    await use(path);
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
    what = error.code;
  }
  const after = process.memoryUsage();
  const extra = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
  const { user, system } = process.cpuUsage(started);
  const elapsed = (user + system) / 1000;
  if (elapsed > MAX_MILLISECONDS || extra > MAX_EXTRA_BYTES)
    throw new Error(`${what} after ${elapsed.toFixed(0)} ms and ${extra} bytes`);
  return what;
}

const names = options.format ? [options.format] : Object.keys(FORMATS);
console.log(`seed ${options.seed}`);
try {
  for (const format of names) {
    const { name, make, use } = FORMATS[format] ?? {};
    if (!name || !make || !use) throw new Error(`no format is called ${format}`);
    const path = join(folder, name);
    /** @type {Map<string, number>} */
    const outcomes = new Map();
    const end = performance.now() + (Number(options.seconds) * 1000) / names.length;
    while (performance.now() < end) {
      writeFileSync(path, make());
      try {
        const what = await outcome(path, use);
        outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
      } catch (error) {
        mkdirSync(options.keep, { recursive: true });
        const kept = join(options.keep, `seed-${options.seed}-${basename(path)}`);
        copyFileSync(path, kept);
        throw new Error(`${kept}, seed ${options.seed}`, { cause: error });
      }
    }
    const sorted = [...outcomes].sort((a, b) => b[1] - a[1]).map(([what, count]) => `${what} ${count}`);
    console.log(`${format}: ${sorted.join(", ")}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
