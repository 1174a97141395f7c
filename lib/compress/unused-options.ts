import type { QuantizeMode, QuantizeOptions, QuantizeSettings } from "./options.js";

/** What the user asked for in vain, since the mode has no use for it; undefined where nothing was. */
export function unusedOptions(
  mode: QuantizeMode,
  options: QuantizeOptions,
  { blocks }: QuantizeSettings,
): string | undefined {
  const unused = {
    ...(mode !== "static" && staticOptions(mode, options, blocks !== undefined)),
    ...(mode === "float16" ? integerOptions(options) : { keepIo: options.keepIo === false }),
  };
  const names = Object.entries(unused).flatMap(([name, isAsked]) => (isAsked ? [name] : []));
  return names.length > 0 ? `no effect in mode ${mode}: ${names.join(", ")}` : undefined;
}

/** Those of static mode that were asked for; samples and compensated rounding serve blocks too. */
function staticOptions(
  mode: QuantizeMode,
  options: QuantizeOptions,
  inBlocks: boolean,
): Record<string, boolean> {
  const { data, format, activations, symmetric, overrides = {}, minSqnr } = options;
  const { rounding, correctBias, smooth = false } = options;
  return {
    // Where only data is given, the reason for the mode tells why it is another than static.
    data: data !== undefined && options.mode === mode && !inBlocks,
    format: format === "qoperator",
    activations: activations !== undefined,
    symmetric: symmetric === true,
    overrides: Object.values(overrides).some((override) => override !== "float"),
    minSqnr: minSqnr !== undefined,
    rounding: rounding === "compensated" && !inBlocks,
    correctBias: correctBias === "analytical" || correctBias === "empirical",
    smooth: smooth !== false,
  };
}

/** Those of integers that were asked for. */
function integerOptions(options: QuantizeOptions): Record<string, boolean> {
  const { weights, perChannel, reduceRange, weightScales, equalize } = options;
  return {
    weights: weights !== undefined,
    perChannel: perChannel === false,
    reduceRange: reduceRange === true,
    weightScales: weightScales === "mse",
    equalize: equalize === true,
  };
}
