import { ModelOperationError } from "../errors.js";
import { type GgufType, ggufTypeOfDType } from "../gguf/tensor-type.js";
import type { GgufValue } from "../gguf/value.js";
import { type GgufInput, writeGguf } from "../gguf/write.js";
import { descriptorOf } from "../npy/element-type.js";
import { writeNpy } from "../npy/write-npy.js";
import { writeNpz } from "../npy/write-npz.js";
import { readOnnx } from "../onnx/read.js";
import { writeOnnx } from "../onnx/write.js";
import type { OnProgress } from "../progress.js";
import { writeSafetensors } from "../safetensors/write.js";
import type { DeferredTensor, DType, Tensor } from "../tensor.js";
import { hasFloats } from "../tensor-file/float-chunks.js";
import { isPacked, packedEntry } from "../tensor-file/packed-types.js";
import type { TensorFile } from "../tensor-file/tensor-file.js";
import type { OutgoingTensor } from "./cast-tensor.js";
import { fillInitializers } from "./fill-initializers.js";

/** Formats that tensors can be written in, named by the ends of file names. */
export const OUTPUT_FORMATS = ["safetensors", "gguf", "onnx", "npz", "npy"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

export interface WriteTensorFileOptions {
  /** For ONNX: the model whose initializers get the values. */
  into?: string | undefined;
  maxShardSize?: number | undefined;
  /** For safetensors and GGUF: put a SHA-256 of every tensor into the metadata. */
  checksums?: boolean | undefined;
  sync?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

type Outgoing = ReadonlyMap<string, OutgoingTensor>;
/** What the tensors come from: what it says of itself goes into the file too. */
type Origin = Pick<TensorFile, "metadata" | "typedMetadata" | "paths">;
type Write = (
  path: string,
  tensors: Outgoing,
  source: Origin,
  options: WriteTensorFileOptions,
) => Promise<string[]>;

const WRITERS: Readonly<Record<OutputFormat, Write>> = { safetensors, gguf, onnx, npz, npy };

/**
 * Writes tensors in the format that the name of the file says, whole or not at all.
 *
 * @returns the paths written, first the one by which the others are found
 * @throws ModelOperationError UNSUPPORTED_CONVERSION where the format has no form of a tensor; what its writer throws
 */
export function writeTensorFile(
  format: OutputFormat,
  path: string,
  tensors: Outgoing,
  source: Origin,
  options: WriteTensorFileOptions,
): Promise<string[]> {
  return WRITERS[format](path, tensors, source, options);
}

async function safetensors(
  path: string,
  tensors: Outgoing,
  source: Origin,
  options: WriteTensorFileOptions,
): Promise<string[]> {
  const metadata = new Map(source.metadata);
  const outgoing = new Map<string, Tensor | DeferredTensor>();
  for (const [name, tensor] of tensors) {
    const dtype = requireDType(name, tensor, "safetensors");
    if (isPacked(dtype, tensor.shape)) {
      metadata.set(...packedEntry(name, dtype, tensor.shape));
      outgoing.set(name, withDType({ ...tensor, shape: [tensor.byteLength] }, "uint8"));
    } else outgoing.set(name, withDType(tensor, dtype));
  }
  const named = metadata.size > 0 ? { metadata: Object.fromEntries(metadata) } : {};
  return writeSafetensors(path, outgoing, { ...options, ...named });
}

async function gguf(
  path: string,
  tensors: Outgoing,
  source: Origin,
  options: WriteTensorFileOptions,
): Promise<string[]> {
  const outgoing = new Map<string, GgufInput>();
  for (const [name, tensor] of tensors) {
    const { dtype, shape, fill, type } = tensor;
    if (dtype === undefined) {
      const block = { type: type as GgufType, shape };
      outgoing.set(name, fill ? { ...block, fill } : { ...block, data: tensor.load() });
      continue;
    }
    if (ggufTypeOfDType(dtype) === undefined) throw unsupported(name, tensor, "GGUF");
    outgoing.set(name, withDType(tensor, dtype));
  }
  const metadata = source.typedMetadata ?? textMetadata(source.metadata);
  await holding("GGUF", writeGguf(path, outgoing, { ...options, metadata }));
  return [path];
}

function textMetadata(metadata: ReadonlyMap<string, string>): Map<string, GgufValue> {
  const texts = new Map<string, GgufValue>();
  // The alignment of another file is no text, and not that of this one.
  for (const [key, value] of metadata)
    if (key !== "general.alignment") texts.set(key, { type: "string", value });
  return texts;
}

async function onnx(
  path: string,
  tensors: Outgoing,
  source: Origin,
  options: WriteTensorFileOptions,
): Promise<string[]> {
  for (const [name, tensor] of tensors) requireDType(name, tensor, "ONNX");
  const model = readOnnx(options.into!);
  try {
    fillInitializers(model, tensors, source.paths[0]!);
    return await writeOnnx(path, model, options);
  } finally {
    model.close();
  }
}

async function npz(
  path: string,
  tensors: Outgoing,
  _source: Origin,
  options: WriteTensorFileOptions,
): Promise<string[]> {
  const arrays = [...tensors].map(([name, tensor]) => [name, asArray(name, tensor)] as const);
  await holding("npz", writeNpz(path, new Map(arrays), options));
  return [path];
}

async function npy(
  path: string,
  tensors: Outgoing,
  _source: Origin,
  options: WriteTensorFileOptions,
): Promise<string[]> {
  const [[name, tensor] = ["", undefined], second] = [...tensors];
  if (tensor === undefined || second !== undefined)
    throw new ModelOperationError(
      "UNSUPPORTED_CONVERSION",
      `npy holds one tensor, not ${tensors.size}; choose npz`,
    );
  await writeNpy(path, asArray(name, tensor), options);
  return [path];
}

/** What a format has no room for, such as a long name or many axes, is no fault of the options. */
async function holding(format: string, writing: Promise<void>): Promise<void> {
  await writing.catch((cause) => {
    if (!(cause instanceof RangeError)) throw cause;
    const message = `${format} cannot hold it: ${cause.message}`;
    throw new ModelOperationError("UNSUPPORTED_CONVERSION", message, { cause });
  });
}

function asArray(name: string, tensor: OutgoingTensor): Tensor | DeferredTensor {
  const dtype = requireDType(name, tensor, "numpy");
  if (descriptorOf(dtype) === undefined) throw unsupported(name, tensor, "numpy");
  return withDType(tensor, dtype);
}

function withDType({ shape, fill, load }: OutgoingTensor, dtype: DType): Tensor | DeferredTensor {
  return fill ? { dtype, shape, fill } : { dtype, shape, data: load() };
}

function requireDType(name: string, tensor: OutgoingTensor, format: string): DType {
  if (tensor.dtype === undefined) throw unsupported(name, tensor, format);
  return tensor.dtype;
}

function unsupported(name: string, tensor: OutgoingTensor, format: string): ModelOperationError {
  const fix = hasFloats(tensor)
    ? "choose a dtype that it has"
    : "such values cannot be converted, only stored in a format that has them";
  return new ModelOperationError(
    "UNSUPPORTED_CONVERSION",
    `tensor ${JSON.stringify(name)}: ${format} has no ${tensor.type}; ${fix}`,
  );
}
