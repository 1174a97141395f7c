import type { QuantizeOptions } from "../compress/options.js";
import type { PruneChannelsOptions } from "../compress/structured/options.js";

/** What options of an operation a search may set: those that are plain data. */
type Plain<Options> = Omit<Options, "output" | "data" | "signal" | "onProgress" | "threads" | "samples">;

/** One operation on the model. Calibration samples are given to it where it takes some. */
export type Step =
  | { readonly operation: "quantize"; readonly options: Readonly<Plain<QuantizeOptions>> }
  | { readonly operation: "prune"; readonly options: Readonly<Plain<PruneChannelsOptions>> };

/** A way to make the model smaller or faster: operations one after the other. Plain data, so that any process can try it. */
export interface Candidate {
  readonly label: string;
  readonly steps: readonly Step[];
}

/** A step in plain words. */
export function describeStep({ operation, options }: Step): string {
  const what =
    operation === "prune"
      ? "take out channels"
      : MODES["mode" in options ? (options.mode ?? "static") : "static"];
  const settings = Object.entries(options)
    .filter(([name]) => name !== "mode" && name !== "pattern")
    .map(([name, value]) => SETTINGS[name]?.(value) ?? `${name} ${value}`);
  return settings.length === 0 ? what : `${what}; ${settings.join(", ")}`;
}

const MODES = {
  static: "int8, ranges from calibration",
  dynamic: "int8, activations quantized at run time",
  weights: "weights in few bits, arithmetic in float",
  float16: "float16",
} as const;

/** What proposals set beside mode and pattern. */
const SETTINGS: Readonly<Record<string, (value: unknown) => string>> = {
  sparsity: (share) => `${100 * Number(share)} % of them`,
  bits: (bits) => `${bits} bits`,
  blockSize: (size) => `blocks of ${size}`,
  perChannel: (each) => (each ? "a scale for each channel" : "one scale for each weight"),
  weightScales: (how) => (how === "mse" ? "scales of least squared error" : "scales that cut nothing off"),
  calibrate: (method) => `by ${method}`,
  rounding: (how) => `${how} rounding`,
  correctBias: (how) => `${how} correction of biases`,
  smooth: () => "activations smoothed",
  minSqnr: (decibels) => `nodes in float until the outputs keep ${decibels} dB`,
};
