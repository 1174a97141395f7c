import { create } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
} from "../onnx/proto/onnx_pb.js";
import { isStandard, standardSet } from "../onnx/standard-set.js";
import { encodeTensor } from "../onnx/tensor-proto.js";
import { graphsOf } from "../onnx/walk.js";
import { intAttributeOf } from "./graph.js";
import { Names } from "./names.js";

/** The first operator set with 4-bit integers, activations of 16 bits, and DequantizeLinear in blocks. */
export const BLOCKS_OPSET = 21;
const LOWEST_OPSET = 13;
/** Files of this version may hold 4-bit integers. */
const IR_VERSION = 10n;

/** Operators that mean the same in every set from 13 to 21, or only gained types and optional attributes. */
const UNCHANGED = new Set(
  `Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization BitShift Cast CastLike Ceil
  Clip Concat Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div
  Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND
  Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual HardSigmoid HardSwish Hardmax Identity If
  InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop
  LpNormalization LpPool MatMul MatMulInteger Max MaxPool Mean Min Mish Mod Mul Neg NonMaxSuppression NonZero Not OneHot Or
  PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RNN Range Reciprocal ReduceSum Relu Reshape Resize Round
  ScatterElements ScatterND Selu Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Sqrt Squeeze
  Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Where Xor`.split(/\s+/),
);
/** Their axes became an input in set 18. */
const REDUCTIONS = new Set(
  "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSumSquare".split(
    " ",
  ),
);
const AXES_SINCE = 18;

/**
 * Brings a model of operator set 13 or later to set 21, as the ONNX changelog describes: axes of reductions become inputs,
 * a Split without sizes says into how many.
 *
 * @returns undefined when done; else why not, with the model unchanged
 */
export function upgradeToOpset21(model: ModelProto): string | undefined {
  const entry = standardSet(model);
  const version = Number(entry?.version ?? 0);
  if (!entry || version < LOWEST_OPSET) return `opset ${version} is older than ${LOWEST_OPSET}`;
  if (version < BLOCKS_OPSET) {
    if (model.functions.length > 0) return "the model has functions of its own";
    const graphs = [...graphsOf(model)];
    const nodes = graphs.flatMap(({ node }) => node).filter(isStandard);
    const unknown = nodes.find((node) => !isKnown(node));
    if (unknown)
      return `the way of operator ${unknown.opType} from opset ${version} to ${BLOCKS_OPSET} is not known here`;
    const names = new Names(model);
    if (version < AXES_SINCE) for (const graph of graphs) upgradeGraph(graph, names);
    entry.version = BigInt(BLOCKS_OPSET);
  }
  if (model.irVersion < IR_VERSION) model.irVersion = IR_VERSION;
  return undefined;
}

/** A BatchNormalization with more outputs is one in training, whose outputs changed. */
function isKnown(node: NodeProto): boolean {
  if (node.opType === "BatchNormalization") return node.output.length === 1;
  return UNCHANGED.has(node.opType) || REDUCTIONS.has(node.opType) || node.opType === "Split";
}

function upgradeGraph(graph: GraphProto, names: Names): void {
  for (const node of graph.node.filter(isStandard)) {
    const { opType, attribute } = node;
    if (REDUCTIONS.has(opType)) {
      const axes = attribute.find(({ name }) => name === "axes");
      if (!axes) continue;
      const name = names.free(`${node.name || node.output[0]}_axes`);
      graph.initializer.push(encodeTensor(name, "int64", [axes.ints.length], BigInt64Array.from(axes.ints)));
      node.attribute = attribute.filter((each) => each !== axes);
      node.input.push(name);
    } else if (opType === "Split" && !node.input[1] && intAttributeOf(node, "num_outputs", 0) === 0) {
      attribute.push(
        create(AttributeProtoSchema, {
          name: "num_outputs",
          i: BigInt(node.output.length),
          type: AttributeProto_AttributeType.INT,
        }),
      );
    }
  }
}
