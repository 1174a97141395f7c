// Writes a file over and over until somebody ends this process; all values of one generation are its number.
//   node generations.mjs FORMAT FILE BASE_MODEL FIRST [LAST]
// Prints a line after each, or the code of the error that ended it.
import { readOnnx, writeGguf, writeNpy, writeNpz, writeOnnx, writeSafetensors } from "modelpress";

const [format = "", path = "", base = "", first, last = "Infinity"] = process.argv.slice(2);
// Without a listener the system ends a process that passes its limit of file size.
process.on("SIGXFSZ", () => undefined);

const LENGTH = 100_000;

/** @param {number} value @returns {import("modelpress").Tensor} */
function tensor(value) {
  return { dtype: "float32", shape: [LENGTH], data: new Float32Array(LENGTH).fill(value) };
}

/** @param {number} value */
function tensors(value) {
  return Object.fromEntries(["a", "b", "c"].map((name) => [name, tensor(value)]));
}

/** @param {number} value */
function model(value) {
  const model = readOnnx(base);
  const floats = new Float32Array(LENGTH).fill(value);
  for (const tensor of model.proto.graph?.initializer ?? []) tensor.rawData = new Uint8Array(floats.buffer);
  return model;
}

/** @type {Record<string, (value: number) => Promise<unknown>>} */
const WRITERS = {
  // Without waiting for the disk, too: then most moments fall into the writing itself.
  safetensors: (value) => writeSafetensors(path, tensors(value), { sync: value % 2 === 0 }),
  "sharded set": (value) =>
    writeSafetensors(path.replace(/\.index\.json$/, ""), tensors(value), {
      sync: value % 2 === 0,
      maxShardSize: 4 * LENGTH,
    }),
  gguf: (value) => writeGguf(path, tensors(value), { sync: value % 2 === 0 }),
  npy: (value) => writeNpy(path, tensor(value), { sync: value % 2 === 0 }),
  npz: (value) => writeNpz(path, tensors(value), { sync: value % 2 === 0 }),
  onnx: (value) => writeOnnx(path, model(value), { externalData: false }),
  "onnx with external data": (value) => writeOnnx(path, model(value), { externalData: true }),
};

try {
  for (let value = Number(first); value <= Number(last); value++) {
    await WRITERS[format]?.(value);
    console.log(value);
  }
} catch (error) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  console.log(code, message);
}
