import { extname } from "node:path";
import { findWeights } from "../compressed/find-weights.js";
import { quantizationConfig, sparsityConfig } from "../compressed/quantization-config.js";
import { DENSE, resolveScheme, SPARSE_BITMASK } from "../compressed/scheme.js";
import type { FloatDType } from "../quantize/float-elements.js";
import { isBitmaskNote } from "../tensor-file/bitmask-notes.js";
import type { TensorFile } from "../tensor-file/tensor-file.js";
import { castTensor, type OutgoingTensor } from "./cast-tensor.js";
import { type CompressedTensors, compressTensors } from "./compress-tensors.js";
import type { ConvertOptions } from "./convert-model.js";
import { decompressTensors } from "./decompress-tensors.js";
import { packTensors } from "./pack-tensors.js";
import { type ConfigFile, quantizationConfigFile } from "./quantization-config-file.js";

/** What becomes of the tensors of a file. */
export interface ConversionPlan {
  readonly tensors: ReadonlyMap<string, OutgoingTensor>;
  readonly bytes: { before: number; after: number };
  /** How many tensors of the input are of another type then, or quantized. */
  readonly converted: number;
  /** What the output says of itself, as text. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The same with types, from GGUF. */
  readonly typedMetadata: TensorFile["typedMetadata"];
  /** What is to lie beside the output. */
  readonly config: ConfigFile | undefined;
}

interface Compression {
  readonly weights: CompressedTensors["weights"];
  readonly notes?: ReadonlyMap<string, string>;
  readonly config: object;
}

/** The type of most tensors of a GGUF file; readers work it out where it is not said. */
const FILE_TYPE = "general.file_type";

/** Decides what becomes of each tensor of a file. Values are looked at just where zeros are to be left out. */
export function planConversion(
  source: TensorFile,
  output: string,
  { dtype, compressed, ignore }: Pick<ConvertOptions, "dtype" | "compressed" | "ignore">,
  onOverflow: (name: string) => void,
): ConversionPlan {
  const path = source.paths[0]!;
  const isSafetensors = extname(output).toLowerCase() === ".safetensors";
  const isMoved = isSafetensors && dtype === undefined && compressed !== DENSE;
  const stored = isMoved ? source.tensors : decompressTensors(source);
  const cast = new Map<string, OutgoingTensor>();
  for (const [name, tensor] of stored)
    cast.set(name, castTensor(tensor, dtype, { onOverflow: () => onOverflow(name) }));
  const compression = compress();
  const tensors = new Map<string, OutgoingTensor>();
  let converted = 0;
  for (const [name, tensor] of cast) {
    const parts = compression?.weights.get(name);
    if (parts) for (const [part, outgoing] of parts) tensors.set(part, outgoing);
    else tensors.set(name, tensor);
    if (parts || tensor.type !== source.tensors.get(name)?.type) converted++;
  }
  const hasCompressed = isSafetensors && findWeights(tensors).length > 0;
  const isKept = ([key]: readonly [string, unknown]) =>
    (isMoved || !isBitmaskNote(key)) && (converted === 0 || key !== FILE_TYPE);
  return {
    tensors,
    bytes: { before: bytesOf(source.tensors), after: bytesOf(tensors) },
    converted,
    metadata: new Map([...[...source.metadata].filter(isKept), ...(compression?.notes ?? [])]),
    typedMetadata: source.typedMetadata && new Map([...source.typedMetadata].filter(isKept)),
    config: hasCompressed ? quantizationConfigFile(path, output, compression?.config) : undefined,
  };

  function compress(): Compression | undefined {
    if (compressed === undefined || compressed === DENSE) return undefined;
    if (compressed === SPARSE_BITMASK) {
      // Loaders of the convention know the layers of safetensors files by their names; other files have none for them.
      const isWeight = () => !source.format.startsWith("safetensors");
      const { weights, notes, ignored, sparsity } = packTensors(cast, { ignore, isWeight, path });
      return { weights, notes, config: sparsityConfig(sparsity, ignored) };
    }
    const scheme = resolveScheme(compressed);
    // Blocks are not for safetensors, in which alone weights are compressed.
    const scaleDType = dtype as FloatDType | undefined;
    const { weights, ignored } = compressTensors(stored, { scheme, ignore, scaleDType, path });
    return { weights, config: quantizationConfig(scheme, ignored) };
  }
}

function bytesOf(tensors: ReadonlyMap<string, { readonly byteLength: number }>): number {
  let total = 0;
  for (const { byteLength } of tensors.values()) total += byteLength;
  return total;
}
