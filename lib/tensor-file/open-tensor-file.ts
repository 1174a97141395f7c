import { basename } from "node:path";
import { ModelFormatError } from "../errors.js";
import type { MapOptions } from "../files/map-file.js";
import { type FileFormat, recognizeFormat } from "../files/recognize-format.js";
import { isChecksumKey as isGgufChecksumKey } from "../gguf/checksum.js";
import { readGguf } from "../gguf/read.js";
import { dtypeOfGguf } from "../gguf/tensor-type.js";
import type { GgufValue } from "../gguf/value.js";
import { readNpy } from "../npy/read-npy.js";
import { readNpz } from "../npy/read-npz.js";
import { readOnnx } from "../onnx/read.js";
import { isChecksumKey } from "../safetensors/checksum.js";
import { readSafetensors } from "../safetensors/read.js";
import { bytesOf, type Fill } from "../tensor.js";
import { initializersOf } from "./initializers.js";
import { isPackedKey, packedType } from "./packed-types.js";
import type { StoredTensor, TensorFile } from "./tensor-file.js";

type Open = (path: string, options: MapOptions) => Omit<TensorFile, "format">;

/** By format; what is not here holds no tensors that can be read. */
const READERS: Partial<Record<FileFormat, Open>> = {
  onnx: openOnnx,
  safetensors: openSafetensors,
  "safetensors-index": openSafetensors,
  gguf: openGguf,
  npy: openNpy,
  npz: openNpz,
};

const PICKLED =
  "a pickle, which runs code when it is loaded; modelpress inspect tells what, and how to convert it";

/** Why the tensors of other files are not read. */
const REFUSALS: Partial<Record<FileFormat, string>> = {
  pickle: `this is ${PICKLED}`,
  "torch-zip": `its tensors are named by ${PICKLED}`,
  "torch-legacy": `this is ${PICKLED}`,
  compressed: "it is compressed; unpack it first",
  zip: "it is a zip archive without arrays",
};

/**
 * Opens a file of tensors of any format that can be read: an ONNX model (its initializers), safetensors or a set of them by its
 * index, GGUF, npy (its name is that of the file) and npz. What it is, its bytes say. Only headers are read until a tensor is loaded.
 *
 * @throws ModelFormatError FORMAT_UNKNOWN, or what the reader of its format throws
 */
export function openTensorFile(path: string, options: MapOptions = {}): TensorFile {
  const format = recognizeFormat(path);
  const open = READERS[format];
  if (!open)
    throw new ModelFormatError(
      "FORMAT_UNKNOWN",
      REFUSALS[format] ?? `the file is none of these: ${Object.keys(READERS).join(", ")}`,
      { path },
    );
  return { format, ...open(path, options) };
}

function openOnnx(path: string, options: MapOptions): Omit<TensorFile, "format"> {
  const model = readOnnx(path, options);
  try {
    const metadata = new Map(Object.entries(model.metadata));
    return { paths: [path], ...initializersOf(model), metadata, close: () => model.close() };
  } catch (error) {
    model.close();
    throw error;
  }
}

function openSafetensors(path: string, options: MapOptions): Omit<TensorFile, "format"> {
  const file = readSafetensors(path, options);
  try {
    const tensors = new Map<string, StoredTensor>();
    for (const [name, entry] of file.entries) {
      const { dtype, shape } = packedType(file.metadata, name, entry, path) ?? entry;
      const { byteLength } = entry;
      tensors.set(name, {
        dtype,
        type: dtype,
        shape,
        byteLength,
        load: () => file.tensors.get(name)!.data,
      });
    }
    const metadata = new Map(
      Object.entries(file.metadata).filter(([key]) => !isPackedKey(key) && !isChecksumKey(key)),
    );
    return { paths: file.paths, tensors, metadata, others: new Map(), close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

function openGguf(path: string, options: MapOptions): Omit<TensorFile, "format"> {
  const file = readGguf(path, options);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { type, shape, byteLength }] of file.entries) {
    const dtype = dtypeOfGguf(type);
    const load = () => file.tensors.get(name)!.data;
    tensors.set(name, { dtype, type: dtype ?? type, shape, byteLength, load });
  }
  const metadata = new Map<string, string>();
  const others = new Map<string, string>();
  for (const [key, value] of file.metadata)
    if (isGgufChecksumKey(key)) continue;
    else if (value.type === "array") others.set(key, `a list of ${value.length} ${value.of}`);
    else metadata.set(key, textOf(value));
  const typedMetadata = file.metadata;
  return { paths: [path], tensors, metadata, typedMetadata, others, close: () => file.close() };
}

function textOf({ value }: Exclude<GgufValue, { type: "array" }>): string {
  return String(value);
}

function openNpy(path: string, options: MapOptions): Omit<TensorFile, "format"> {
  const { dtype, shape, data, close } = readNpy(path, options);
  const tensor = { dtype, type: dtype, shape, byteLength: data.byteLength, load: () => data };
  const tensors = new Map([[basename(path).replace(/\.npy$/i, ""), tensor]]);
  return { paths: [path], tensors, metadata: new Map(), others: new Map(), close };
}

function openNpz(path: string, options: MapOptions): Omit<TensorFile, "format"> {
  const file = readNpz(path, options);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, byteLength, compressed }] of file.entries) {
    const load = () => file.tensors.get(name)!.data;
    const fill: Fill = (data) => bytesOf(data).set(bytesOf(load()));
    tensors.set(name, { dtype, type: dtype, shape, byteLength, load, ...(compressed && { fill }) });
  }
  return { paths: [path], tensors, metadata: new Map(), others: file.others, close: () => file.close() };
}
