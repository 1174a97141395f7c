import type { QuantizeMode, QuantizeSettings } from "./options.js";
import { isWide } from "./quantize-domain.js";

/** What the target does wrong or slowly with what was asked for, in plain words. */
export function checkSettings(mode: QuantizeMode, settings: QuantizeSettings): string[] {
  const { target, activations, symmetric, weights, reduceRange, format } = settings;
  const warnings: string[] = [];
  if (mode === "weights" || mode === "float16") return warnings;
  if (target === "cpu-avx2" && weights === "int8" && !reduceRange)
    warnings.push(
      "int8 weights of the full range overflow on x64 processors without VNNI, and answers go silently wrong there; reduceRange or uint8 weights cure that",
    );
  if (target === "gpu-tensorrt" && mode === "dynamic")
    warnings.push("TensorRT has no dynamic int8: these nodes run elsewhere; give calibration data");
  if (mode !== "static") return warnings;
  if (target === "gpu-tensorrt" && (format === "qoperator" || activations !== "int8" || !symmetric))
    warnings.push("TensorRT takes symmetric int8 in the qdq format only");
  if (target !== "gpu-tensorrt" && isWide(activations))
    warnings.push("onnxruntime has no integer kernels for activations of 16 bits and computes in float");
  return warnings;
}
