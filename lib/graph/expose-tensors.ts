import { create } from "@bufbuild/protobuf";
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType,
  ValueInfoProtoSchema,
} from "../onnx/proto/onnx_pb.js";
import { type OnnxModel, openModel } from "../onnx/read.js";
import { encodeTensor } from "../onnx/tensor-proto.js";

/** An input cannot be an output as well, so it is observed through a copy. */
export function observedName(model: OnnxModel, tensor: string): string {
  const isInput = model.proto.graph!.input.some(({ name }) => name === tensor);
  return isInput ? `${tensor}_observed` : tensor;
}

/**
 * The same model with more outputs; its own graph is not touched.
 *
 * @param observed the tensors, by the name of the output
 * @param floors values up to which an output of another name than its tensor is raised
 */
export function withOutputs(
  model: OnnxModel,
  observed: ReadonlyMap<string, string>,
  floors: ReadonlyMap<string, number> = new Map(),
): OnnxModel {
  const graph = model.proto.graph!;
  const own = new Set(graph.output.map(({ name }) => name));
  const value = { case: "tensorType", value: { elemType: TensorProto_DataType.FLOAT } } as const;
  const outputs = [...observed.keys()]
    .filter((name) => !own.has(name))
    .map((name) => create(ValueInfoProtoSchema, { name, type: { value } }));
  const copies = [...observed]
    .filter(([name, tensor]) => name !== tensor)
    .map(([name, tensor]) =>
      floors.has(name)
        ? create(NodeProtoSchema, { opType: "Max", input: [tensor, `${name}_floor`], output: [name] })
        : create(NodeProtoSchema, { opType: "Identity", input: [tensor], output: [name] }),
    );
  const constants = [...floors].map(([name, floor]) =>
    encodeTensor(`${name}_floor`, "float32", [], Float32Array.of(floor)),
  );
  const extended = Object.assign(create(GraphProtoSchema), graph, {
    initializer: [...graph.initializer, ...constants],
    node: [...graph.node, ...copies],
    output: [...graph.output, ...outputs],
  });
  return openModel(Object.assign(create(ModelProtoSchema), model.proto, { graph: extended }), model.path);
}
