import { ModelOperationError } from "../errors.js";
import { countOps, integerOperators } from "../graph/inspect-model.js";
import type { ModelProto } from "../onnx/proto/onnx_pb.js";
import { QUANTIZED_KEY } from "./finish-model.js";

/**
 * Refuses a model in integers: a second rounding adds to the error of the first, and the file grows.
 *
 * @param label what messages call the model
 * @throws ModelOperationError ALREADY_QUANTIZED for operators of any quantizer, or for what quantizeModel wrote
 */
export function refuseQuantized({ proto, label }: { proto: ModelProto; label: string }): void {
  const operators = integerOperators(countOps(proto))?.evidence;
  const note = proto.metadataProps.find(({ key }) => key === QUANTIZED_KEY)?.value;
  if (!operators && (note === undefined || note === "float16")) return;
  const how = operators ? `it has ${operators.slice(0, 4).join(", ")}` : `${QUANTIZED_KEY} is ${note}`;
  throw new ModelOperationError(
    "ALREADY_QUANTIZED",
    `${label}: it is quantized already (${how}); give the float model that it was made of, or ask for requantize, which quantizes what is still in float`,
  );
}
