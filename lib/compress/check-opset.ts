import { ModelOperationError } from "../errors.js";
import { LOWEST_QUANTIZED_OPSET } from "./choose-mode.js";
import { PER_CHANNEL_OPSET } from "./quantize-static.js";

/**
 * Whether an operator set has what static and dynamic quantization write. Returns what the user should know.
 *
 * @throws ModelOperationError UNSUPPORTED_MODEL where it has no quantized operators
 */
export function checkOpset(label: string, opset: number, perChannel: boolean): string | undefined {
  if (opset < LOWEST_QUANTIZED_OPSET)
    throw new ModelOperationError(
      "UNSUPPORTED_MODEL",
      `${label}: opset ${opset} has no quantized operators; export the model with opset ${PER_CHANNEL_OPSET} or later, or choose mode weights`,
    );
  if (opset >= PER_CHANNEL_OPSET || !perChannel) return undefined;
  return `opset ${opset} has one scale per tensor only, which costs accuracy; export with opset ${PER_CHANNEL_OPSET} or later`;
}
