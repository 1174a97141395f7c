import { ModelOperationError } from "../../errors.js";
import { upgradeToOpset21 } from "../../graph/upgrade-to-opset21.js";
import type { ModelProto } from "../../onnx/proto/onnx_pb.js";

/**
 * Brings a model to the operator set that has DequantizeLinear in blocks.
 *
 * @param label what messages call the model
 * @throws ModelOperationError UNSUPPORTED_MODEL where the way there is not known
 */
export function upgradeForBlocks(model: ModelProto, label: string): void {
  const reason = upgradeToOpset21(model);
  if (reason)
    throw new ModelOperationError(
      "UNSUPPORTED_MODEL",
      `${label}: DequantizeLinear in blocks needs opset 21, and ${reason}; export the model with opset 21, or choose weightFormat matmulnbits`,
    );
}
