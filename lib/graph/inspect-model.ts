import { dataTypeName, dtypeOf } from "../onnx/data-type.js";
import { modelBytes } from "../onnx/model-bytes.js";
import type { ModelProto, TensorProto, ValueInfoProto } from "../onnx/proto/onnx_pb.js";
import { readOnnx } from "../onnx/read.js";
import { isStandard } from "../onnx/standard-set.js";
import { expectedBytes, shapeOf } from "../onnx/tensor-proto.js";
import { graphsOf, tensorsOf } from "../onnx/walk.js";
import { elementCount } from "../tensor.js";

/** Stored values of one element type. */
export interface ParameterCount {
  tensors: number;
  elements: number;
  bytes: number;
}

/** An input or output of a model. */
export interface DescribedValue {
  name: string;
  /** Element type; "sequence", "map" or "optional" for what is no tensor. */
  dtype: string;
  /** Sizes; a string is one known only when the model runs. Absent where the model does not say. */
  shape?: (number | string)[];
}

export interface NodeSummary {
  name: string;
  opType: string;
  domain: string;
  inputs: string[];
  outputs: string[];
}

export interface ModelSummary {
  format: "onnx";
  /** Bytes on disk, external data included; of the bytes themselves when the model was given as bytes. */
  size: number;
  irVersion: number;
  producer: string;
  /** Version by operator domain; "" is the standard one. */
  opsets: Record<string, number>;
  inputs: DescribedValue[];
  outputs: DescribedValue[];
  /** How often each operator stands in the model, subgraphs included, the most frequent first. */
  ops: Record<string, number>;
  /** Stored tensors by element type, the largest first. */
  parameters: Record<string, ParameterCount>;
  quantization: Quantization;
  metadata: Record<string, string>;
  nodes: NodeSummary[];
}

export interface Quantization {
  /** none; static (QuantizeLinear/DequantizeLinear or QLinear operators); dynamic; weights (low-bit weights, float arithmetic). */
  kind: "none" | "static" | "dynamic" | "weights";
  /** Which operators or types say so. */
  evidence: string[];
}

/**
 * Describes an ONNX model without running it.
 *
 * @param input path of a model, or its bytes
 * @throws ModelFormatError when the file is not a sound ONNX model
 */
export function inspectModel(input: string | Uint8Array): ModelSummary {
  const model = readOnnx(input);
  const { proto } = model;
  model.close();
  const graphs = [...graphsOf(proto)];
  const initializers = new Set(proto.graph!.initializer.map(({ name }) => name));
  const ops = countOps(proto);
  const parameters = countParameters([...tensorsOf(proto)], model.path);
  return {
    format: "onnx",
    size: typeof input === "string" ? modelBytes(input) : input.byteLength,
    irVersion: Number(proto.irVersion),
    producer: [proto.producerName, proto.producerVersion].filter(Boolean).join(" "),
    opsets: Object.fromEntries(proto.opsetImport.map(({ domain, version }) => [domain, Number(version)])),
    inputs: proto.graph!.input.filter(({ name }) => !initializers.has(name)).map(describe),
    outputs: proto.graph!.output.map(describe),
    ops,
    parameters,
    quantization: quantizationOf(ops, parameters),
    metadata: { ...model.metadata },
    nodes: graphs.flatMap(({ node }) =>
      node.map(({ name, opType, domain, input, output }) => ({
        name: name || output[0] || "",
        opType,
        domain,
        inputs: [...input],
        outputs: [...output],
      })),
    ),
  };
}

/** How often each operator stands in a model, subgraphs and functions included; most frequent first, domains before names. */
export function countOps(proto: ModelProto): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { node } of [...graphsOf(proto), ...proto.functions])
    for (const each of node) {
      const name = isStandard(each) ? each.opType : `${each.domain}.${each.opType}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  return Object.fromEntries([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
}

function countParameters(
  tensors: readonly TensorProto[],
  path: string | undefined,
): Record<string, ParameterCount> {
  const counts = new Map<string, ParameterCount>();
  for (const tensor of tensors) {
    const dtype = dtypeOf(tensor.dataType) ?? dataTypeName(tensor.dataType).toLowerCase();
    const count = counts.get(dtype) ?? { tensors: 0, elements: 0, bytes: 0 };
    counts.set(dtype, count);
    count.tensors++;
    count.elements += elementCount(shapeOf(tensor, path));
    count.bytes +=
      expectedBytes(tensor, path) ?? tensor.stringData.reduce((sum, text) => sum + text.byteLength, 0);
  }
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b.bytes - a.bytes));
}

function describe({ name, type }: ValueInfoProto): DescribedValue {
  if (type?.value.case !== "tensorType")
    return { name, dtype: type?.value.case?.replace(/Type$/, "") ?? "unknown" };
  const { elemType, shape } = type.value.value;
  const dtype = dtypeOf(elemType) ?? dataTypeName(elemType).toLowerCase();
  if (!shape) return { name, dtype };
  const sizes = shape.dim.map(({ value }) => {
    if (value.case === "dimValue") return Number(value.value);
    return value.case === "dimParam" && value.value !== "" ? value.value : "?";
  });
  return { name, dtype, shape: sizes };
}

const STATIC = /^(com\.microsoft\.)?(QuantizeLinear|QLinear\w+|QGemm)$/;
const DYNAMIC = /^(com\.microsoft\.)?(DynamicQuantize\w+|MatMulInteger\w*|ConvInteger)$/;
const WEIGHTS = /^(com\.microsoft\.)?(MatMulNBits|MatMulBnb4|GatherBlockQuantized|DequantizeLinear)$/;
const LOW_BIT = ["int4", "uint4", "int8", "uint8"];
/** Above this share of low-bit bytes the weights are what is quantized, whatever brings them back to float. */
const MOST = 0.5;

/** How a model is quantized, by the operators that only quantized models have; undefined where there are none. */
export function integerOperators(ops: Readonly<Record<string, number>>): Quantization | undefined {
  for (const [kind, pattern] of [
    ["dynamic", DYNAMIC],
    ["static", STATIC],
    ["weights", WEIGHTS],
  ] as const) {
    const evidence = Object.keys(ops).filter((op) => pattern.test(op));
    if (evidence.length > 0) return { kind, evidence };
  }
  return undefined;
}

function quantizationOf(
  ops: Readonly<Record<string, number>>,
  parameters: Readonly<Record<string, ParameterCount>>,
): Quantization {
  const known = integerOperators(ops);
  if (known) return known;
  const total = Object.values(parameters).reduce((sum, { bytes }) => sum + bytes, 0);
  const low = LOW_BIT.filter((dtype) => parameters[dtype] !== undefined);
  const lowBytes = low.reduce((sum, dtype) => sum + parameters[dtype]!.bytes, 0);
  if (lowBytes <= MOST * total) return { kind: "none", evidence: [] };
  return { kind: "weights", evidence: low.map((dtype) => `${dtype} tensors`) };
}
