import { outOfRange, wrongType } from "../errors.js";

/** Layouts that quantized weights are written in. */
export type QuantizedFormat = "int-quantized" | "pack-quantized";
/** The layout of weights without their zeros. */
export const SPARSE_BITMASK = "sparse-bitmask";
/** Of weights that are stored as they are. */
export const DENSE = "dense";
export type StoredFormat = QuantizedFormat | typeof SPARSE_BITMASK;

/** How the weights of linear layers are quantized and stored. */
export interface WeightScheme {
  /**
   * "int-quantized": an int8 for each value, for runtimes that compute in int8 and quantize activations on the fly. "pack-quantized":
   * 4 or 8 bits for each value, packed into int32, for runtimes that compute in float.
   */
  format: QuantizedFormat;
  /** 4 or 8; int-quantized has 8. */
  bits: 4 | 8;
  /** What shares a scale: all of a weight, each of its rows, or each `groupSize` columns of a row. */
  strategy: "tensor" | "channel" | "group";
  /** With the strategy "group", from 1. Weights whose rows it does not divide stay as they are. */
  groupSize?: number | undefined;
  /** True: 0 is 0. False: each scale has a zero point. Default true. */
  symmetric?: boolean | undefined;
}

/** A scheme whose options are checked and decided. */
export type ResolvedScheme = WeightScheme & { readonly symmetric: boolean };

/** The schemes by the names that the ecosystem has for them: bits of weights and of activations. */
export const SCHEMES = {
  W4A16: { format: "pack-quantized", bits: 4, strategy: "group", groupSize: 128, symmetric: true },
  W4A16_ASYM: { format: "pack-quantized", bits: 4, strategy: "group", groupSize: 128, symmetric: false },
  W8A16: { format: "pack-quantized", bits: 8, strategy: "channel", symmetric: true },
  W8A8: { format: "int-quantized", bits: 8, strategy: "channel", symmetric: true },
} as const satisfies Record<string, WeightScheme>;

export type SchemeName = keyof typeof SCHEMES;

/** @throws TypeError or RangeError unless it is a scheme, or the name of one */
export function resolveScheme(scheme: SchemeName | WeightScheme): ResolvedScheme {
  if (typeof scheme === "string") {
    if (!Object.hasOwn(SCHEMES, scheme))
      throw outOfRange(`one of ${Object.keys(SCHEMES).join(", ")}`, "scheme", scheme);
    return resolveScheme(SCHEMES[scheme]);
  }
  if (typeof scheme !== "object" || scheme === null)
    throw wrongType("a scheme or its name", "scheme", scheme);
  const { format, bits, strategy, groupSize, symmetric = true } = scheme;
  if (format !== "int-quantized" && format !== "pack-quantized")
    throw outOfRange("int-quantized or pack-quantized", "format", format);
  if (bits !== 8 && !(bits === 4 && format === "pack-quantized"))
    throw outOfRange(format === "pack-quantized" ? "4 or 8" : "8", "bits", bits);
  if (strategy !== "tensor" && strategy !== "channel" && strategy !== "group")
    throw outOfRange("tensor, channel or group", "strategy", strategy);
  if (strategy === "group" && !(Number.isSafeInteger(groupSize) && groupSize! > 0))
    throw outOfRange("a whole number from 1", "groupSize", groupSize);
  if (strategy !== "group" && groupSize !== undefined)
    throw outOfRange('nothing, as the strategy is not "group",', "groupSize", groupSize);
  if (typeof symmetric !== "boolean") throw wrongType("true or false", "symmetric", symmetric);
  return { format, bits, strategy, groupSize, symmetric };
}
