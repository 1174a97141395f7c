import { join } from "node:path";
import { readOnnx } from "../onnx/read.js";
import { isExternal } from "../onnx/tensor-proto.js";
import { tensorsOf } from "../onnx/walk.js";
import type { ModelProcess } from "../runtime/model-process.js";

/**
 * Lets onnxruntime fold constants, BatchNorm and the like (its basic level, which stays within standard operators),
 * so that the quantizer sees the graph that will run.
 *
 * @returns the path of the prepared model, in `folder`
 * @throws ModelOperationError RUNTIME_FAILED when onnxruntime does not take the model, RUNTIME_MISSING without it
 */
export async function prepareModel(models: ModelProcess, input: string, folder: string): Promise<string> {
  const prepared = join(folder, "prepared.onnx");
  const source = readOnnx(input);
  const external = [...tensorsOf(source.proto)].some(isExternal);
  source.close();
  const session = await models.load(input, {
    graphOptimization: "basic",
    optimizedModelFilePath: prepared,
    config: external ? { "session.optimized_model_external_initializers_file_name": "prepared.data" } : {},
  });
  await session.release();
  return prepared;
}
