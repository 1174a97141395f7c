import type { QuantizeSettings } from "./options.js";

/** What a quantized model is to run on. */
export type Target = "cpu-vnni" | "cpu-avx2" | "cpu-arm" | "gpu-tensorrt" | "web";

type Preset = Pick<
  QuantizeSettings,
  "activations" | "weights" | "symmetric" | "reduceRange" | "quantizeBias"
> & {
  /** Operators that this runtime has an integer form of and onnxruntime's CPU provider has not. */
  readonly extraOpTypes: readonly string[];
  /** Why, in plain words. */
  readonly reason: string;
};

const DEFAULTS = {
  activations: "uint8",
  weights: "int8",
  symmetric: false,
  reduceRange: false,
  quantizeBias: true,
  extraOpTypes: [],
} as const;

/**
 * What each target wants. cpu-avx2: onnxruntime multiplies uint8 by int8 there with vpmaddubsw, which adds two products
 * in 16 bits and cuts what does not fit. With weights of -64..64 the largest sum is 2 x 255 x 64 = 32640, which fits;
 * with the full range results would be silently wrong.
 */
export const PRESETS: Readonly<Record<Target, Preset>> = {
  "cpu-vnni": { ...DEFAULTS, reason: "uint8 by int8 products are exact and fastest with VNNI" },
  "cpu-avx2": {
    ...DEFAULTS,
    reduceRange: true,
    reason: "weights in 7 bits, because products of 8 bits overflow 16 bits without VNNI",
  },
  "cpu-arm": { ...DEFAULTS, activations: "int8", reason: "int8 by int8 products are the fast ones on Arm" },
  "gpu-tensorrt": {
    ...DEFAULTS,
    activations: "int8",
    symmetric: true,
    quantizeBias: false,
    extraOpTypes: ["ConvTranspose"],
    reason: "TensorRT wants symmetric int8 and keeps biases in float",
  },
  web: {
    ...DEFAULTS,
    reason: "onnxruntime-web multiplies in 16 bits where it must, so the full range is exact",
  },
};
