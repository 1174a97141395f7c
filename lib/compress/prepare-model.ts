import { join } from "node:path";
import { type OnnxModel, readOnnx } from "../onnx/read.js";
import { expectedBytes, isExternal } from "../onnx/tensor-proto.js";
import { tensorsOf } from "../onnx/walk.js";
import { writeOnnx } from "../onnx/write.js";
import type { ModelProcess } from "../runtime/model-process.js";
import { hideWeights } from "./hide-weights.js";
import { renameMade, tensorNames } from "./rename-made.js";

/** onnxruntime holds a model that it optimises in memory, and larger ones would take much of it. */
const LARGE_BYTES = 256 * 1024 * 1024;

/**
 * Lets onnxruntime fold constants, BatchNorm and the like (its basic level, which stays within standard operators),
 * so that the quantizer sees the graph that will run. Of a large model it sees the weights of matrix products and
 * embeddings as inputs: it has nothing to fold into them, and their bytes stay where they are.
 *
 * @param source is closed, or goes into the result
 * @returns the prepared model; its files, in `folder`, are its own to close
 * @throws ModelOperationError RUNTIME_FAILED when onnxruntime does not take the model, RUNTIME_MISSING without it
 */
export async function prepareModel(
  models: ModelProcess,
  source: OnnxModel,
  input: string,
  folder: string,
): Promise<OnnxModel> {
  const stored = [...tensorsOf(source.proto)];
  const size = stored.reduce((sum, tensor) => sum + (expectedBytes(tensor, input) ?? 0), 0);
  const known = tensorNames(source.proto);
  if (size <= LARGE_BYTES) {
    source.close();
    return optimized(models, input, known, folder, stored.some(isExternal));
  }
  try {
    const hidden = hideWeights(source);
    const skeleton = join(folder, "skeleton.onnx");
    const files = await writeOnnx(skeleton, hidden.model, { sync: false });
    return hidden.restore(await optimized(models, skeleton, known, folder, files.length > 1));
  } catch (error) {
    source.close();
    throw error;
  }
}

async function optimized(
  models: ModelProcess,
  input: string,
  known: ReadonlySet<string>,
  folder: string,
  external: boolean,
): Promise<OnnxModel> {
  const prepared = join(folder, "prepared.onnx");
  await models.optimizeModelFile(input, prepared, "basic", { external });
  const model = readOnnx(prepared, { once: true });
  renameMade(model.proto, known);
  return model;
}
