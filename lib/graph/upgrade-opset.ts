import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
} from "../onnx/proto/onnx_pb.js";
import { isStandard, standardSet } from "../onnx/standard-set.js";
import { encodeTensor } from "../onnx/tensor-proto.js";
import { graphsOf } from "../onnx/walk.js";
import { Names } from "./names.js";

/** The operator set that this file knows the way to: the first with one scale per channel. */
export const UPGRADED_OPSET = 13;
const LOWEST_OPSET = 7;

/** Operators that mean the same in every set from 7 to 13, or only gained types and optional attributes. */
const UNCHANGED = new Set(
  `Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Concat Constant
  ConstantOfShape Conv ConvTranspose Cos Cosh DepthToSpace Div Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather
  GatherElements GatherND Gemm GlobalAveragePool GlobalMaxPool Greater HardSigmoid Identity If InstanceNormalization
  IsInf IsNaN LRN LSTM LeakyRelu Less Log Loop LpNormalization MatMul Max MaxPool Mean Min Mod Mul Neg NonZero Not OneHot
  Or PRelu Pow RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
  ReduceProd ReduceSumSquare Relu Reshape Round Scan ScatterElements ScatterND Selu Shape Sigmoid Sign Sin Sinh Size
  Softplus Softsign SpaceToDepth Sqrt Sub Sum Tan Tanh ThresholdedRelu Tile Transpose Unique Where Xor`.split(
    /\s+/,
  ),
);

/** Rewrites one node; returns the nodes that take its place. */
type Upgrade = (node: NodeProto, graph: GraphEditor) => NodeProto[];

/** By operator, the set in which it changed and how a node of an older one is written in it. */
const CHANGED: Record<string, { since: number; upgrade: Upgrade }> = {
  Clip: { since: 11, upgrade: (node, graph) => floatsToInputs(node, graph, ["min", "max"]) },
  Dropout: { since: 12, upgrade: (node) => [withoutAttributes(node, "ratio", "is_test")] },
  Hardmax: { since: 13, upgrade: flattened },
  LogSoftmax: { since: 13, upgrade: flattened },
  Pad: { since: 11, upgrade: padToInputs },
  ReduceSum: { since: 13, upgrade: (node, graph) => intsToInputs(node, graph, ["axes"]) },
  Resize: { since: 11, upgrade: resized },
  Slice: { since: 10, upgrade: (node, graph) => intsToInputs(node, graph, ["starts", "ends", "axes"]) },
  Softmax: { since: 13, upgrade: flattened },
  Split: { since: 13, upgrade: (node, graph) => intsToInputs(node, graph, ["split"]) },
  Squeeze: { since: 13, upgrade: (node, graph) => intsToInputs(node, graph, ["axes"]) },
  TopK: { since: 10, upgrade: topKToInput },
  Unsqueeze: { since: 13, upgrade: (node, graph) => intsToInputs(node, graph, ["axes"]) },
  Upsample: { since: 10, upgrade: resized },
};

/**
 * Brings a model of operator set 7 to 12 to set 13, operator by operator as the ONNX changelog describes.
 *
 * @returns undefined when done; else why not, with the model unchanged
 */
export function upgradeOpset(model: ModelProto): string | undefined {
  const entry = standardSet(model);
  const version = Number(entry?.version ?? 0);
  if (!entry || version >= UPGRADED_OPSET) return undefined;
  const reason = whyNotUpgraded(model);
  if (reason !== undefined) return reason;
  const names = new Names(model);
  for (const graph of graphsOf(model)) {
    const editor = new GraphEditor(graph, names);
    graph.node = graph.node.flatMap((node) => {
      const change = isStandard(node) ? CHANGED[node.opType] : undefined;
      return change && version < change.since ? change.upgrade(node, editor) : [node];
    });
  }
  entry.version = BigInt(UPGRADED_OPSET);
  return undefined;
}

/** Why a model of an older operator set cannot be brought to set 13; undefined where it can be, or needs not. */
export function whyNotUpgraded(model: ModelProto): string | undefined {
  const version = Number(standardSet(model)?.version ?? 0);
  if (version >= UPGRADED_OPSET) return undefined;
  if (version < LOWEST_OPSET) return `its opset ${version} is older than ${LOWEST_OPSET}`;
  if (model.functions.length > 0) return "it has functions of its own";
  const standard = [...graphsOf(model)].flatMap(({ node }) => node).filter(isStandard);
  const unknown = standard.find(({ opType }) => !UNCHANGED.has(opType) && !CHANGED[opType]);
  return unknown && `the way of operator ${unknown.opType} from opset ${version} is not known here`;
}

/** Adds constants to a graph under names that are free in the whole model. */
class GraphEditor {
  constructor(
    private readonly graph: GraphProto,
    private readonly names: Names,
  ) {}

  /** How many dimensions a tensor has, where the model says. */
  rank(tensor: string): number | undefined {
    const { input, output, valueInfo } = this.graph;
    const type = [...valueInfo, ...input, ...output].find(({ name }) => name === tensor)?.type?.value;
    return type?.case === "tensorType" ? type.value.shape?.dim.length : undefined;
  }

  name(base: string): string {
    return this.names.free(`${base}_opset13`);
  }

  constant(
    base: string,
    dtype: "float32" | "int64",
    shape: number[],
    values: readonly (number | bigint)[],
  ): string {
    const name = this.name(base);
    const data = dtype === "int64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values, Number);
    this.graph.initializer.push(encodeTensor(name, dtype, shape, data));
    return name;
  }
}

function attributeOf(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name);
}

function withoutAttributes(node: NodeProto, ...names: string[]): NodeProto {
  node.attribute = node.attribute.filter(({ name }) => !names.includes(name));
  return node;
}

/** Integer lists that became inputs, in the order of the inputs; those left out at the end stay out. */
function intsToInputs(node: NodeProto, graph: GraphEditor, names: string[]): NodeProto[] {
  for (const name of names) {
    const attribute = attributeOf(node, name);
    if (attribute) node.input.push(graph.constant(name, "int64", [attribute.ints.length], attribute.ints));
  }
  return [withoutAttributes(node, ...names)];
}

function floatsToInputs(node: NodeProto, graph: GraphEditor, names: string[]): NodeProto[] {
  const last = names.findLastIndex((name) => attributeOf(node, name));
  for (const name of names.slice(0, last + 1)) {
    const attribute = attributeOf(node, name);
    node.input.push(attribute ? graph.constant(name, "float32", [], [attribute.f]) : "");
  }
  return [withoutAttributes(node, ...names)];
}

function padToInputs(node: NodeProto, graph: GraphEditor): NodeProto[] {
  const pads = attributeOf(node, "pads")?.ints ?? [];
  node.input.push(graph.constant("pads", "int64", [pads.length], pads));
  return floatsToInputs(withoutAttributes(node, "pads"), graph, ["value"]);
}

function topKToInput(node: NodeProto, graph: GraphEditor): NodeProto[] {
  node.input.push(graph.constant("k", "int64", [1], [attributeOf(node, "k")?.i ?? 0n]));
  return [withoutAttributes(node, "k")];
}

/** Upsample, and Resize before it had modes: corners are not aligned, and the nearest value is the lower one. */
function resized(node: NodeProto, graph: GraphEditor): NodeProto[] {
  const [x, given] = node.input;
  const factors = attributeOf(node, "scales")?.floats;
  const scales = given ?? graph.constant("scales", "float32", [factors?.length ?? 0], factors ?? []);
  node.opType = "Resize";
  node.input = [x!, graph.constant("roi", "float32", [0], []), scales];
  withoutAttributes(node, "scales");
  for (const [name, text] of Object.entries({
    coordinate_transformation_mode: "asymmetric",
    nearest_mode: "floor",
  }))
    node.attribute.push(
      create(AttributeProtoSchema, { name, s: Buffer.from(text), type: AttributeType.STRING }),
    );
  return [node];
}

/** Before set 13 these worked on everything from `axis` on as one, by default from 1. */
function flattened(node: NodeProto, graph: GraphEditor): NodeProto[] {
  const [x] = node.input;
  const [y] = node.output;
  const axis = attributeOf(node, "axis")?.i ?? 1n;
  const last = axis === -1n || Number(axis) + 1 === graph.rank(x!);
  if (last) {
    withoutAttributes(node, "axis").attribute.push(axisAttribute(-1n));
    return [node];
  }
  const names = ["shape", "flat", "result"].map((name) => graph.name(name));
  const [shape, flat, result] = names as [string, string, string];
  const step = (opType: string, input: string[], output: string, axisValue?: bigint) =>
    create(NodeProtoSchema, {
      opType,
      input,
      output: [output],
      name: graph.name(`${node.name || y}_${opType}`),
      attribute: axisValue === undefined ? [] : [axisAttribute(axisValue)],
    });
  const operator = step(node.opType, [flat], result, -1n);
  operator.name = node.name;
  return [
    step("Shape", [x!], shape),
    step("Flatten", [x!], flat, axis),
    operator,
    step("Reshape", [result, shape], y!),
  ];
}

function axisAttribute(i: bigint): AttributeProto {
  return create(AttributeProtoSchema, { name: "axis", i, type: AttributeType.INT });
}
