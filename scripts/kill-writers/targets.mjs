// What generations.mjs writes, and how to tell which generation a file is of.
import { readGguf, readNpy, readNpz, readOnnx, readSafetensors } from "modelpress";

/**
 * @typedef {{ tensors: ReadonlyMap<string, { data: import("modelpress").TypedArray }>, close(): void }} OpenFile
 * @typedef {{ name: string, open(path: string): OpenFile }} Target
 */

/** By format: the name of the file that is replaced, and its reader. @type {Record<string, Target>} */
export const TARGETS = {
  safetensors: { name: "file.safetensors", open: readSafetensors },
  "sharded set": { name: "file.safetensors.index.json", open: readSafetensors },
  gguf: { name: "file.gguf", open: readGguf },
  npy: {
    name: "file.npy",
    open(path) {
      const file = readNpy(path);
      return { tensors: new Map([["", file]]), close: file.close };
    },
  },
  npz: { name: "file.npz", open: readNpz },
  onnx: { name: "file.onnx", open: readOnnx },
  "onnx with external data": { name: "file.onnx", open: readOnnx },
};

/** The number that all values of all tensors are; throws where they are of several generations. @param {string} path @param {Target} target */
export function generationOf(path, { open }) {
  const file = open(path);
  const values = new Set();
  for (const { data } of file.tensors.values()) for (const value of data) values.add(value);
  file.close();
  if (values.size !== 1) throw new Error(`${path} is of the generations ${[...values].join(", ")}`);
  return Number([...values][0]);
}

/**
 * True for a file that a writer which was killed may leave beside `name`: its temporary one, or parts that nothing refers to.
 * @param {string} leftover
 * @param {string} name
 */
export function isLeftover(leftover, name) {
  if (leftover.startsWith(".") && leftover.endsWith(".tmp")) return true;
  const stem = name.replace(/\.safetensors\.index\.json$/, "");
  const rest = leftover.slice(stem.length);
  return (
    leftover.startsWith(stem) && /^(?:\.[0-9a-f]{16}\.data|(?:\.b)?-\d{5}-of-\d{5}\.safetensors)$/.test(rest)
  );
}
