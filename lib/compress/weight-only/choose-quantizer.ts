import type { Graph } from "../../graph/graph.js";
import type { ModelProcess } from "../../runtime/model-process.js";
import type { SparedReason } from "../exclude-nodes.js";
import type { QuantizeOptions } from "../options.js";
import type { BlockSettings } from "./block-options.js";
import { type BlockQuantizer, fitScales, roundToNearest } from "./block-quantizer.js";
import { compensatedBlocks } from "./compensated-blocks.js";

/**
 * The quantizer that the options ask for, with what it has to know of the model.
 *
 * @param folder where models to be run may be written
 * @returns the quantizer, and what it does beyond rounding to nearest, in plain words
 */
export async function chooseQuantizer(
  models: ModelProcess,
  graph: Graph,
  settings: BlockSettings,
  spared: SparedReason,
  { rounding = "compensated", data, samples, threads, onProgress }: QuantizeOptions,
  folder: string,
): Promise<{ quantizer: BlockQuantizer; repairs: string[] }> {
  const base = settings.fitScales ? fitScales : roundToNearest;
  if (rounding !== "compensated" || data === undefined) return { quantizer: base, repairs: [] };
  const runs = { data, samples, threads, folder, onProgress };
  const { quantizer, products } = await compensatedBlocks(models, graph, settings, spared, base, runs);
  return {
    quantizer,
    repairs: [`rounded the weights of ${products} layers for small errors of their outputs`],
  };
}
