import {
  type CompareModelsOptions,
  compareModels,
  type ModelComparison,
  ModelFormatError,
  quantizeLinear,
  quantizeLinearAsync,
  quantizeModel,
  readSafetensors,
  type Tensor,
  unavailableBackends,
} from "modelpress";

const int8: Int8Array = quantizeLinear(new Float32Array(4), { scale: 0.1 });
const uint8: Promise<Uint8Array> = quantizeLinearAsync(new Float32Array(4), { scale: 0.1, dtype: "uint8" });
const reasons: readonly string[] = unavailableBackends().map(({ reason }) => reason);
const tensor: Tensor | undefined = readSafetensors("x.safetensors").tensors.get("x");
const options: CompareModelsOptions = { data: "test.safetensors" };

export async function work(): Promise<ModelComparison> {
  const result = await quantizeModel("model.onnx", {
    output: "int8.onnx",
    mode: "static",
    data: "calibration.safetensors",
  });
  try {
    return await compareModels("model.onnx", "int8.onnx", options);
  } catch (error) {
    if (error instanceof ModelFormatError) console.log(error.code, error.path, result.mode);
    throw error;
  }
}

// @ts-expect-error: a scale is asked for
quantizeLinear(new Float32Array(4), {});
// @ts-expect-error: a mode that there is not
void quantizeModel("model.onnx", { output: "int8.onnx", mode: "fast" });

export { int8, reasons, tensor, uint8 };
