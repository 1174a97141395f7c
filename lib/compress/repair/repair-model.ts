import { create } from "@bufbuild/protobuf";
import { StringStringEntryProtoSchema } from "../../onnx/proto/onnx_pb.js";
import type { OnnxModel } from "../../onnx/read.js";
import { RESCALED_KEY } from "../../runtime/compare-layers.js";
import type { ModelProcess } from "../../runtime/model-process.js";
import type { QuantizeOptions, QuantizeSettings } from "../options.js";
import { equalizeLayers } from "./equalize-layers.js";
import { smoothActivations } from "./smooth-activations.js";

/** Most trained models stay below 5, some reach 10 and quantize worse when equalized; those that need it are above 80. */
const SKEWED = 20;
/** Moves as much of what is hard to quantize into the weights as it leaves in the activations. */
const EVEN = 0.5;

/**
 * Rescales channels of a float model so that it quantizes better and computes the same function, and says so in its
 * metadata: what the channels hold cannot be compared with the original's any more.
 *
 * @param folder where models to be run may be written
 * @returns what was done, in plain words
 */
export async function repairModel(
  models: ModelProcess,
  model: OnnxModel,
  { mode, equalize = "auto", smooth = false, data, samples, threads, onProgress }: QuantizeOptions,
  { blocks }: QuantizeSettings,
  folder: string,
): Promise<string[]> {
  const repairs: string[] = [];
  if (equalize !== false) {
    const { pairs, spread } = equalizeLayers(model, equalize === true ? 0 : SKEWED);
    if (pairs > 0)
      repairs.push(
        `equalized ${pairs} pairs of layers: the widest channel was ${spread.before.toFixed(1)} times the median one, and is ${spread.after.toFixed(1)} times`,
      );
  }
  const isStatic = mode === "static" || (mode === undefined && !blocks);
  if (smooth !== false && isStatic && data !== undefined) {
    const alpha = smooth === true ? EVEN : smooth;
    const runs = { data, samples, threads, folder, onProgress };
    const tensors = await smoothActivations(models, model, alpha, runs);
    if (tensors > 0)
      repairs.push(`moved large channels of ${tensors} normalized tensors into the weights behind them`);
  }
  if (repairs.length > 0)
    model.proto.metadataProps.push(
      create(StringStringEntryProtoSchema, { key: RESCALED_KEY, value: repairs.join("; ") }),
    );
  return repairs;
}
