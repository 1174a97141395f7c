import { create } from "@bufbuild/protobuf";
import { dataTypeOf } from "../../lib/onnx/data-type.js";
import { encodeModel } from "../../lib/onnx/encode.js";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  ValueInfoProtoSchema,
} from "../../lib/onnx/proto/onnx_pb.js";
import { encodeTensor } from "../../lib/onnx/tensor-proto.js";
import type { DType } from "../../lib/tensor.js";

type AttributeValue =
  | number
  | number[]
  | string
  | { float: number }
  | { floats: number[] }
  | GraphProto
  | TensorProto;

export interface NodeSpec {
  op: string;
  in: string[];
  out: string[];
  name?: string;
  /** Default: ONNX's own; another one is imported in version 1. */
  domain?: string;
  attributes?: Record<string, AttributeValue>;
}

export interface GraphSpec {
  nodes: NodeSpec[];
  initializers?: TensorProto[];
  /** Sizes by name; float32 unless a type stands before them. */
  inputs?: Record<string, (number | string)[] | [DType, (number | string)[]]>;
  outputs?: string[];
}

/** Floats as an initializer. */
export function floats(name: string, shape: number[], values: ArrayLike<number>): TensorProto {
  return encodeTensor(name, "float32", shape, Float32Array.from(values));
}

export function buildGraph({ nodes, initializers = [], inputs = {}, outputs = [] }: GraphSpec): GraphProto {
  return create(GraphProtoSchema, {
    name: "test",
    node: nodes.map(({ op, in: input, out: output, name, domain = "", attributes = {} }) =>
      create(NodeProtoSchema, {
        opType: op,
        domain,
        input,
        output,
        ...(name !== undefined && { name }),
        attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
      }),
    ),
    initializer: initializers,
    input: Object.entries(inputs).map(([name, spec]) => {
      const [dtype, shape] = typeof spec[0] === "string" && Array.isArray(spec[1]) ? spec : ["float32", spec];
      return value(name, dtype as DType, shape as (number | string)[]);
    }),
    output: outputs.map((name) => value(name, "float32", undefined)),
  });
}

export function buildModel(spec: GraphSpec, opset = 17): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [...new Set(["", ...spec.nodes.map(({ domain }) => domain ?? "")])].map((domain) =>
      create(OperatorSetIdProtoSchema, { domain, version: domain === "" ? BigInt(opset) : 1n }),
    ),
    graph: buildGraph(spec),
  });
}

export function modelFile(model: ModelProto): Uint8Array {
  return Buffer.concat(encodeModel(model).pieces);
}

function value(name: string, dtype: DType, shape: (number | string)[] | undefined) {
  const dim = shape?.map((size) => ({
    value:
      typeof size === "string"
        ? ({ case: "dimParam", value: size } as const)
        : ({ case: "dimValue", value: BigInt(size) } as const),
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: "tensorType",
        value: { elemType: dataTypeOf(dtype), ...(dim && { shape: { dim } }) },
      },
    },
  });
}

function attribute(name: string, value: AttributeValue) {
  if (typeof value === "number")
    return create(AttributeProtoSchema, { name, i: BigInt(value), type: AttributeProto_AttributeType.INT });
  if (Array.isArray(value))
    return create(AttributeProtoSchema, {
      name,
      ints: value.map(BigInt),
      type: AttributeProto_AttributeType.INTS,
    });
  if (typeof value === "string")
    return create(AttributeProtoSchema, {
      name,
      s: Buffer.from(value),
      type: AttributeProto_AttributeType.STRING,
    });
  if ("float" in value)
    return create(AttributeProtoSchema, { name, f: value.float, type: AttributeProto_AttributeType.FLOAT });
  if ("floats" in value)
    return create(AttributeProtoSchema, {
      name,
      floats: value.floats,
      type: AttributeProto_AttributeType.FLOATS,
    });
  return value.$typeName === "onnx.GraphProto"
    ? create(AttributeProtoSchema, { name, g: value, type: AttributeProto_AttributeType.GRAPH })
    : create(AttributeProtoSchema, { name, t: value, type: AttributeProto_AttributeType.TENSOR });
}
