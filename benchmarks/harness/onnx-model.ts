import { create } from "@bufbuild/protobuf";
import { dataTypeOf } from "../../lib/onnx/data-type.js";
import { encodeModel } from "../../lib/onnx/encode.js";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  ValueInfoProtoSchema,
} from "../../lib/onnx/proto/onnx_pb.js";
import type { OnnxTensor, OnnxWork } from "./benchmark.js";

/** The bytes of a model with these nodes between its inputs and its outputs. */
export function onnxModel({ nodes, inputs, outputs, opset = 21 }: OnnxWork): Uint8Array {
  const graph = create(GraphProtoSchema, {
    name: "benchmark",
    node: nodes.map(({ op, inputs, outputs, attributes = {} }) =>
      create(NodeProtoSchema, {
        opType: op,
        input: [...inputs],
        output: [...outputs],
        attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      }),
    ),
    input: Object.entries(inputs).map(valueInfo),
    output: Object.entries(outputs).map(valueInfo),
  });
  const opsetImport = [create(OperatorSetIdProtoSchema, { version: BigInt(opset) })];
  return Buffer.concat(encodeModel(create(ModelProtoSchema, { irVersion: 10n, opsetImport, graph })).pieces);
}

function attribute(name: string, value: number | readonly number[]) {
  return typeof value === "number"
    ? create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) })
    : create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.INTS,
        ints: value.map(BigInt),
      });
}

function valueInfo([name, { dtype, shape }]: [string, OnnxTensor]) {
  const dim = shape.map((size) => ({ value: { case: "dimValue", value: BigInt(size) } as const }));
  const tensor = { elemType: dataTypeOf(dtype), shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value: tensor } } });
}
