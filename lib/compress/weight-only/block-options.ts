import { outOfRange, wrongType } from "../../errors.js";

/** matmulnbits: onnxruntime's operator MatMulNBits. dequantize: DequantizeLinear in blocks, of ONNX operator set 21. */
export type BlockFormat = "matmulnbits" | "dequantize";

/** How mode weights stores the weights of matrix products and embeddings in blocks; each needs `bits`. */
export interface BlockOptions {
  /**
   * Store the weights of matrix products, in mode weights, in 4 or 8 bits with a scale for every block of them. 4 chooses
   * that mode by itself. Default: 8 bits with a scale per channel, which onnxruntime turns into floats when it loads the model.
   */
  bits?: 4 | 8 | undefined;
  /** Weights that share a scale: 16, 32, 64, 128 or 256. Default 32. */
  blockSize?: number | undefined;
  /** False: the zero point of every block is the middle step, which takes 0.1 bit per weight less. Default true. */
  zeroPoints?: boolean | undefined;
  /**
   * Search the scale of every block of 4 bits with which the weights are nearest to what they were. False: the scale that the range
   * of the block gives, with the bytes of onnxruntime's own quantizer. Default true.
   */
  fitScales?: boolean | undefined;
  /**
   * What onnxruntime may multiply in: 0 as it likes, 1 float32, 2 float16, 3 bfloat16, 4 int8. Default 4, the fast one on CPUs: the
   * error that 8 bits add to activations is far below that of 4-bit weights.
   */
  accuracyLevel?: 0 | 1 | 2 | 3 | 4 | undefined;
  /**
   * Store embeddings in blocks too, of so many bits (GatherBlockQuantized). Default: rows of 8 bits with a scale each, which
   * every onnxruntime looks up; 4 bits of an embedding often cost more accuracy than those of all products together.
   */
  embeddingBits?: 4 | 8 | undefined;
  /** Bits of the last layer, whose errors go straight to the output. Default 8; matmulnbits only. */
  headBits?: 4 | 8 | undefined;
  /** Default matmulnbits. dequantize, for runtimes other than onnxruntime, has 4 bits only. */
  weightFormat?: BlockFormat | undefined;
}

/** Block options after defaults. */
export interface BlockSettings {
  readonly bits: 4 | 8;
  readonly blockSize: number;
  readonly symmetric: boolean;
  readonly fitScales: boolean;
  readonly accuracyLevel: number;
  readonly embeddingBits: 4 | 8 | undefined;
  readonly headBits: 4 | 8;
  readonly format: BlockFormat;
}

/** They mean nothing without blocks; true is the default of those that are so or not. */
const NEED_BITS = [
  "blockSize",
  "accuracyLevel",
  "embeddingBits",
  "headBits",
  "weightFormat",
  "zeroPoints",
  "fitScales",
] as const;
const CHOICES = {
  bits: [4, 8],
  blockSize: [16, 32, 64, 128, 256],
  accuracyLevel: [0, 1, 2, 3, 4],
  embeddingBits: [4, 8],
  headBits: [4, 8],
  weightFormat: ["matmulnbits", "dequantize"],
} as const;

/**
 * Checks block options and fills in defaults; undefined where weights are not stored in blocks.
 *
 * @throws RangeError or TypeError naming the option
 */
export function blockSettingsFrom(
  options: BlockOptions & { mode?: string | undefined },
): BlockSettings | undefined {
  for (const [name, allowed] of Object.entries(CHOICES)) {
    const value = options[name as keyof typeof CHOICES];
    if (value !== undefined && !(allowed as readonly unknown[]).includes(value))
      throw outOfRange(`one of ${allowed.join(", ")}`, name, value);
  }
  const { mode, bits, blockSize = 32, zeroPoints = true, fitScales = true, accuracyLevel = 4 } = options;
  const { embeddingBits, headBits = 8, weightFormat: format = "matmulnbits" } = options;
  if (typeof zeroPoints !== "boolean") throw wrongType("true or false", "zeroPoints", zeroPoints);
  if (typeof fitScales !== "boolean") throw wrongType("true or false", "fitScales", fitScales);
  const lonely = NEED_BITS.find((name) => options[name] !== undefined && options[name] !== true);
  if (bits === undefined && lonely)
    throw outOfRange(`4 or 8 when ${lonely} is given (only blocks have it)`, "bits", bits);
  if (bits === undefined || (mode !== "weights" && bits === 8)) return undefined;
  if (mode !== undefined && mode !== "weights")
    throw outOfRange(`8 in mode ${mode} (4 bits are for weights only)`, "bits", bits);
  if (format === "dequantize" && bits !== 4) throw outOfRange("4 for weightFormat dequantize", "bits", bits);
  if (format === "dequantize" && embeddingBits !== undefined)
    throw outOfRange("nothing for weightFormat dequantize", "embeddingBits", embeddingBits);
  return {
    bits,
    blockSize,
    symmetric: !zeroPoints,
    fitScales,
    accuracyLevel,
    embeddingBits,
    headBits,
    format,
  };
}
