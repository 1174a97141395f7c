import { ModelOperationError } from "../errors.js";
import type { ModelProto } from "../onnx/proto/onnx_pb.js";
import { graphsOf } from "../onnx/walk.js";

/**
 * Refuses a model with sparse initializers: onnxruntime does not write them back when it optimises the graph.
 *
 * @param label what messages call the model
 * @throws ModelOperationError UNSUPPORTED_MODEL, naming the first
 */
export function refuseSparse({ proto, label }: { proto: ModelProto; label: string }): void {
  const [sparse] = [...graphsOf(proto)].flatMap(({ sparseInitializer }) => sparseInitializer);
  if (!sparse) return;
  throw new ModelOperationError(
    "UNSUPPORTED_MODEL",
    `${label}: initializer ${JSON.stringify(sparse.values?.name ?? "")} is stored sparse; store it dense first`,
  );
}
