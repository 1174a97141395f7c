import { DENSE, type ResolvedScheme, SPARSE_BITMASK } from "./scheme.js";

/** Where readers look for how a model is quantized: in the configuration beside its weights. */
export const CONFIG_NAME = "config.json";
export const QUANTIZATION_KEY = "quantization_config";
const METHOD = "compressed-tensors";

/**
 * The entry of a configuration that says how weights are quantized, for loaders that know the convention. Every linear layer is
 * quantized but those in `ignore`. int-quantized weights are for runtimes that quantize activations too, for each token when it comes.
 */
export function quantizationConfig(
  { format, bits, strategy, groupSize, symmetric }: ResolvedScheme,
  ignore: readonly string[],
): object {
  const integers = { num_bits: bits, type: "int" };
  const weights = {
    ...integers,
    symmetric,
    strategy,
    ...(strategy === "group" && { group_size: groupSize }),
    dynamic: false,
  };
  const perToken = { ...integers, symmetric: true, strategy: "token", dynamic: true };
  return {
    quant_method: METHOD,
    format,
    quantization_status: "compressed",
    config_groups: {
      group_0: {
        targets: ["Linear"],
        weights,
        input_activations: format === "int-quantized" ? perToken : null,
        output_activations: null,
      },
    },
    ignore,
    kv_cache_scheme: null,
    global_compression_ratio: null,
  };
}

/** The entry for weights without their zeros, of which `sparsity` are left out; those of the layers in `ignore` are whole. */
export function sparsityConfig(sparsity: number, ignore: readonly string[]): object {
  return {
    quant_method: METHOD,
    sparsity_config: {
      format: SPARSE_BITMASK,
      global_sparsity: sparsity,
      sparsity_structure: "unstructured",
      targets: ["Linear"],
      ignore,
      registry_requires_subclass: false,
    },
  };
}

/** The format that a configuration says weights are stored in; undefined unless it is one of this convention. */
export function declaredFormat(config: Readonly<Record<string, unknown>>): string | undefined {
  const declared = config[QUANTIZATION_KEY];
  if (typeof declared !== "object" || declared === null) return undefined;
  const { quant_method, format, sparsity_config } = declared as Record<string, unknown>;
  if (quant_method !== METHOD) return undefined;
  const sparse = (sparsity_config as { format?: unknown } | null | undefined)?.format;
  const stated = format === undefined || format === DENSE ? (sparse ?? format) : format;
  return typeof stated === "string" ? stated : undefined;
}
