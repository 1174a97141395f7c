import { extname } from "node:path";
import { DENSE, type SchemeName, type SPARSE_BITMASK, type WeightScheme } from "../compressed/scheme.js";
import { ModelOperationError, outOfRange } from "../errors.js";
import type { FileFormat } from "../files/recognize-format.js";
import type { OnProgress } from "../progress.js";
import { openTensorFile } from "../tensor-file/open-tensor-file.js";
import type { TensorFile } from "../tensor-file/tensor-file.js";
import { TARGET_TYPES, type TargetType } from "./cast-tensor.js";
import { checkTensors } from "./check-tensors.js";
import { planConversion } from "./plan-conversion.js";
import { OUTPUT_FORMATS, type OutputFormat, writeTensorFile } from "./write-tensor-file.js";

export interface ConvertOptions {
  /**
   * Type of the floats of the result; integers stay as they are. Q8_0 and Q4_0 are for GGUF, and for matrices whose rows are a
   * multiple of 32 long. Default: each as it is.
   */
  dtype?: TargetType | undefined;
  /**
   * For safetensors: quantize the weights of linear layers, matrices called LAYER.weight, and store them as the compressed-tensors
   * convention does: "W4A16", "W4A16_ASYM" (4 bits, groups of 128), "W8A16", "W8A8" (8 bits, a scale for each row), or a scheme. How
   * they are quantized goes into the `config.json` of the output's folder, whose other entries stay; without one, into that of the
   * input's. A file that is stored so comes back into floats with `dtype`.
   *
   * "sparse-bitmask": leave out the zeros of weights that become smaller so, as those that were pruned, with a bit for each value that
   * says where the others were. Zero is +0 alone; all comes back bit for bit. Weights of files other than safetensors are stored as
   * matrices, and the metadata says what they are.
   *
   * "dense", for any format: bring weights that are stored so back, each in its own type; other formats than safetensors have them
   * no other way.
   */
  compressed?: SchemeName | WeightScheme | typeof SPARSE_BITMASK | typeof DENSE | undefined;
  /** With `compressed`: layers that stay as they are. Default: embeddings and lm_head, by their names; none for "sparse-bitmask". */
  ignore?: readonly string[] | undefined;
  /** For an output in ONNX, which is more than tensors: the model whose initializers get the values, by name. */
  into?: string | undefined;
  /** For safetensors: at most so many bytes of data in a file, and an index beside several. */
  maxShardSize?: number | undefined;
  /** For safetensors and GGUF: put a SHA-256 of every tensor into the metadata, for verifySafetensors and verifyGguf. Default false. */
  checksums?: boolean | undefined;
  /** Read what was written and compare every tensor. Default false. */
  check?: boolean | undefined;
  /** Wait until the disk has the bytes. Default true. */
  sync?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

export interface ConvertResult {
  /** What the input was. */
  from: FileFormat;
  to: OutputFormat;
  /** Files written; the first is the one to open. */
  files: string[];
  tensors: number;
  /** How many tensors of the input are of another type in the output, or quantized. */
  converted: number;
  /** Bytes of the tensors. */
  bytes: { before: number; after: number };
  /** What the input held that the output does not, by name, and why. */
  left: Record<string, string>;
  checked: boolean;
  warnings: string[];
}

/**
 * Moves tensors from one format to another: ONNX (its initializers), safetensors and sets of them, GGUF, npz and npy. The input is known by its
 * bytes, the output by the end of its name. Memory holds one tensor at a time; the output appears whole or not at all.
 *
 * @throws ModelFormatError for a damaged input, TENSOR_INVALID for tensors that do not fit the model of `into`, DATA_MISMATCH from
 *   `check`
 * @throws ModelOperationError UNSUPPORTED_CONVERSION where a format lacks a type; RangeError for options; the signal's reason
 *
 * @example
 * await convertModel("model.onnx", "weights.safetensors", { dtype: "float16" });
 * await convertModel("weights.safetensors", "model.new.onnx", { into: "model.onnx" });
 * await convertModel("model/model.safetensors", "model-w4a16/model.safetensors", { compressed: "W4A16" });
 * await convertModel("pruned/model.safetensors", "small/model.safetensors", { compressed: "sparse-bitmask" });
 * await convertModel("small/model.safetensors", "whole/model.safetensors", { compressed: "dense" });
 */
export async function convertModel(
  input: string,
  output: string,
  options: ConvertOptions = {},
): Promise<ConvertResult> {
  const to = outputFormat(output, options);
  const source = openTensorFile(input);
  try {
    return await convert(source, output, to, options);
  } finally {
    source.close();
  }
}

async function convert(
  source: TensorFile,
  output: string,
  to: OutputFormat,
  { check = false, signal, onProgress, sync, ...options }: ConvertOptions,
): Promise<ConvertResult> {
  const warnings = new Set<string>();
  const plan = planConversion(source, output, options, (name) =>
    warnings.add(`tensor ${JSON.stringify(name)} has values beyond ${options.dtype}, which became infinite`),
  );
  const { tensors, bytes, converted, config } = plan;
  if (tensors.size === 0)
    throw new ModelOperationError("UNSUPPORTED_CONVERSION", `${source.paths[0]}: it holds no tensor`);
  signal?.throwIfAborted();
  const { metadata, typedMetadata } = plan;
  const said = { paths: source.paths, metadata, typedMetadata };
  const files = await writeTensorFile(to, output, tensors, said, { ...options, sync, signal, onProgress });
  if (config !== undefined) {
    await config.write({ sync });
    files.push(config.path);
  }
  if (check) await checkTensors(files[0]!, tensors, { signal, onProgress });
  const others = to === "gguf" && source.typedMetadata ? new Map<string, string>() : source.others;
  return {
    from: source.format,
    to,
    files,
    tensors: tensors.size,
    converted,
    bytes,
    left: Object.fromEntries(others),
    checked: check,
    warnings: [...warnings],
  };
}

/** Checks options against each other before anything is opened. */
function outputFormat(
  path: string,
  { dtype, into, maxShardSize, checksums, compressed, ignore }: ConvertOptions,
): OutputFormat {
  const ends = OUTPUT_FORMATS.map((format) => `.${format}`);
  const format = OUTPUT_FORMATS[ends.indexOf(extname(path).toLowerCase())];
  if (format === undefined) throw outOfRange(`a name that ends in ${ends.join(", ")}`, "output", path);
  if (dtype !== undefined && !TARGET_TYPES.includes(dtype))
    throw outOfRange(`one of ${TARGET_TYPES.join(", ")}`, "dtype", dtype);
  if (dtype?.startsWith("Q") && format !== "gguf")
    throw outOfRange("a .gguf output for blocks", "dtype", dtype);
  if (format === "onnx" && into === undefined)
    throw outOfRange("a model to put the tensors into, since ONNX is more than tensors,", "into", into);
  if (format !== "onnx" && into !== undefined)
    throw outOfRange("an .onnx output for a model to put tensors into", "output", path);
  const isCompressed = compressed !== undefined && compressed !== DENSE;
  if (isCompressed && format !== "safetensors")
    throw outOfRange("a .safetensors output for quantized weights", "output", path);
  if (isCompressed && dtype?.startsWith("Q"))
    throw outOfRange("a type of floats beside quantized weights", "dtype", dtype);
  if (ignore !== undefined && !isCompressed)
    throw outOfRange("a scheme in compressed for layers to leave out of it", "compressed", compressed);
  if (checksums && format !== "safetensors" && format !== "gguf")
    throw outOfRange("a .safetensors or .gguf output for checksums", "output", path);
  if (maxShardSize !== undefined && format !== "safetensors")
    throw outOfRange("a .safetensors output for shards", "maxShardSize", maxShardSize);
  return format;
}
