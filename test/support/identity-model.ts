import { create, toBinary } from "@bufbuild/protobuf";
import type { ValueInfo } from "../../lib/data/value-info.js";
import { dataTypeOf } from "../../lib/onnx/data-type.js";
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from "../../lib/onnx/proto/onnx_pb.js";

/** The bytes of a model that gives each input back as the output `out_<name>`, after the operator if one is named. */
export function identityModel(inputs: readonly ValueInfo[], operator = "Identity"): Uint8Array {
  const graph = create(GraphProtoSchema, {
    name: "identity",
    node: inputs.map(({ name }) =>
      create(NodeProtoSchema, { opType: operator, input: [name], output: [`out_${name}`] }),
    ),
    input: inputs.map(toProto),
    output: inputs.map((input) => toProto({ ...input, name: `out_${input.name}` })),
  });
  const opsetImport = [create(OperatorSetIdProtoSchema, { version: 17n })];
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph }));
}

function toProto({ name, dtype, shape }: ValueInfo) {
  const dim = shape.map((size) =>
    create(TensorShapeProto_DimensionSchema, {
      value:
        typeof size === "string"
          ? { case: "dimParam", value: size }
          : { case: "dimValue", value: BigInt(size) },
    }),
  );
  const tensor = create(TypeProto_TensorSchema, {
    elemType: dataTypeOf(dtype),
    shape: create(TensorShapeProtoSchema, { dim }),
  });
  const type = create(TypeProtoSchema, { value: { case: "tensorType", value: tensor } });
  return create(ValueInfoProtoSchema, { name, type });
}
