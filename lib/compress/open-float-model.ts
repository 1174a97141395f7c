import { ModelOperationError } from "../errors.js";
import { dropInitializerInputs } from "../graph/drop-initializer-inputs.js";
import { foldAffine } from "../graph/fold-affine.js";
import { Graph } from "../graph/graph.js";
import { isFolded } from "../graph/is-folded.js";
import { liftConstants } from "../graph/lift-constants.js";
import { upgradeOpset } from "../graph/upgrade-opset.js";
import { upgradeToOpset21 } from "../graph/upgrade-to-opset21.js";
import { widenConstants } from "../graph/widen-constants.js";
import { type OnnxModel, readOnnx } from "../onnx/read.js";
import type { ModelProcess } from "../runtime/model-process.js";
import { smallerOf } from "./float16/smaller-of.js";
import type { QuantizeOptions, QuantizeSettings } from "./options.js";
import { prepareModel } from "./prepare-model.js";
import { isWide } from "./quantize-domain.js";
import { upgradeForBlocks } from "./weight-only/upgrade-for-blocks.js";

export interface OpenFloatModelOptions {
  readonly options: QuantizeOptions;
  readonly settings: QuantizeSettings;
  /** Where the optimised model is written. */
  readonly folder: string;
}

interface FloatModel {
  /** The caller closes it. */
  readonly model: OnnxModel;
  /** What went into convolutions, in plain words. */
  readonly folded: string[];
  readonly warnings: string[];
}

/**
 * The model as it is to be quantized: optimised, in an operator set that has what the mode needs, its constants where
 * weights are looked for.
 *
 * @param source the model at `path`; is closed, or goes into the result
 * @param label what messages call the model
 */
export async function openFloatModel(
  models: ModelProcess,
  source: OnnxModel,
  path: string,
  label: string,
  { options, settings, folder }: OpenFloatModelOptions,
): Promise<FloatModel> {
  const { model, warnings } = await optimized(models, source, path, options, folder);
  try {
    const { proto } = model;
    const { mode, prepare } = options;
    dropInitializerInputs(proto);
    const inBlocks = settings.blocks?.format === "dequantize";
    if ((mode !== "weights" && mode !== "float16") || inBlocks) {
      const reason = upgradeOpset(proto);
      if (reason) warnings.push(`the model keeps its old operator set: ${reason}`);
    }
    if (inBlocks) upgradeForBlocks(proto, label);
    // Where that cannot be, onnxruntime's own QuantizeLinear takes 16 bits too.
    if (isWide(settings.activations)) upgradeToOpset21(proto);
    liftConstants(proto);
    if (mode !== "float16") widenConstants(new Graph(model));
    const count = mode === "float16" || prepare === false ? 0 : foldAffine(new Graph(model));
    const folded = count > 0 ? [`folded ${count} Mul, Div, Add and Sub of constants into convolutions`] : [];
    return { model, folded, warnings };
  } catch (error) {
    model.close();
    throw error;
  }
}

/**
 * Without onnxruntime-node a model can still be quantized in the modes that never run it, and where they need nothing of it,
 * it is not started.
 */
async function optimized(
  models: ModelProcess,
  source: OnnxModel,
  path: string,
  { mode, prepare, data }: QuantizeOptions,
  folder: string,
): Promise<{ model: OnnxModel; warnings: string[] }> {
  const asItIs = prepare === false || (data === undefined && mode !== "float16" && isFolded(source.proto));
  if (asItIs) return { model: source, warnings: [] };
  try {
    const prepared = await prepareModel(models, source, path, folder);
    return { model: mode === "float16" ? smallerOf(prepared, readOnnx(path)) : prepared, warnings: [] };
  } catch (error) {
    const missing = error instanceof ModelOperationError && error.code === "RUNTIME_MISSING";
    if (!missing || data !== undefined) throw error;
    return { model: readOnnx(path), warnings: [`the graph was not optimised first: ${error.message}`] };
  }
}
