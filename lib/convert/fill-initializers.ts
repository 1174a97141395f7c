import { ModelFormatError } from "../errors.js";
import { dtypeOf } from "../onnx/data-type.js";
import { deferTensor } from "../onnx/deferred.js";
import type { TensorProto } from "../onnx/proto/onnx_pb.js";
import type { OnnxModel } from "../onnx/read.js";
import { encodeTensor, shapeOf } from "../onnx/tensor-proto.js";
import type { OutgoingTensor } from "./cast-tensor.js";

/**
 * Gives the initializers of a model other values, by name. Those that are not among `tensors` keep theirs.
 *
 * @throws ModelFormatError TENSOR_INVALID for a tensor that is none of the model's, or of another type or shape
 */
export function fillInitializers(
  model: OnnxModel,
  tensors: ReadonlyMap<string, OutgoingTensor>,
  path: string,
): void {
  const graph = model.proto.graph!;
  const places = new Map(graph.initializer.map((stored, index) => [stored.name, index]));
  for (const [name, tensor] of tensors) {
    const index = places.get(name);
    const invalid = (message: string) =>
      new ModelFormatError("TENSOR_INVALID", message, { path, field: `tensor ${JSON.stringify(name)}` });
    if (index === undefined) throw invalid(`${model.path} has no initializer of this name`);
    const stored = graph.initializer[index]!;
    const wanted = describe(dtypeOf(stored.dataType) ?? "text", shapeOf(stored, model.path));
    const given = describe(tensor.type, tensor.shape);
    if (given !== wanted) throw invalid(`it is ${given}, but ${model.path} needs ${wanted}`);
    graph.initializer[index] = replacement(stored, name, tensor);
  }
}

function replacement(stored: TensorProto, name: string, tensor: OutgoingTensor): TensorProto {
  const { dtype, shape, fill } = tensor;
  const filled = fill
    ? deferTensor(name, dtype!, shape, fill)
    : encodeTensor(name, dtype!, shape, tensor.load());
  if (Object.hasOwn(stored, "docString")) filled.docString = stored.docString;
  filled.metadataProps = stored.metadataProps;
  return filled;
}

function describe(type: string, shape: readonly number[]): string {
  return `${type} [${shape.join(", ")}]`;
}
