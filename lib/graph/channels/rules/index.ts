import { intAttributeOf } from "../../graph.js";
import { convolution, transposedConvolution } from "./convolution.js";
import { counting, filling } from "./creating.js";
import { across, elementwise } from "./elementwise.js";
import { expansion, gather, squeeze, transposition, unsqueeze } from "./moving.js";
import {
  batchNormalization,
  groupNormalization,
  instanceNormalization,
  layerNormalization,
} from "./normalization.js";
import { concatenation, padding, splitting } from "./pieces.js";
import { globalPooling, pooling } from "./pooling.js";
import { gemm, matMul } from "./products.js";
import { argument, reduction } from "./reduction.js";
import { flattening, reshaping } from "./reshaping.js";
import { depthToSpace, resizing, spaceToDepth } from "./resizing.js";
import { fromFront, type Rule } from "./rule.js";
import { slicing } from "./slicing.js";

/** Operators that work on every element by itself, with inputs of other shapes repeated. */
const ELEMENTWISE = [
  "Abs Acos Acosh Asin Asinh Atan Atanh BitShift Cast CastLike Ceil Celu Clip Cos Cosh Dropout Elu Erf Exp Floor Gelu HardSigmoid",
  "HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh",
  "Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu",
  "Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or PRelu Pow Sub Sum Where Xor",
].flatMap((line) => line.split(" "));

const REDUCTIONS =
  "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare".split(
    " ",
  );

/** Before operator set 13 everything from the axis on was one axis. */
const softmax = across((node, rank, { graph }) => {
  const recent = (graph.opset() ?? 0) >= 13;
  const axis = fromFront(intAttributeOf(node, "axis", recent ? -1 : 1), rank);
  return recent ? [axis] : Array.from({ length: rank - axis }, (_, i) => axis + i);
});
const everyAxis = across((_, rank) => [...Array(rank).keys()]);
const alongAxis = (absent: number) =>
  across((node, rank) => [fromFront(intAttributeOf(node, "axis", absent), rank)]);

/** What is known of each operator of ONNX; all others keep their inputs and outputs whole. */
export const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...ELEMENTWISE.map((type) => [type, elementwise] as const),
  ...REDUCTIONS.map((type) => [type, reduction] as const),
  ["ArgMax", argument],
  ["ArgMin", argument],
  ["AveragePool", pooling],
  ["BatchNormalization", batchNormalization],
  ["Concat", concatenation],
  ["ConstantOfShape", filling],
  ["Conv", convolution],
  ["ConvTranspose", transposedConvolution],
  ["CumSum", everyAxis],
  ["DepthToSpace", depthToSpace],
  ["Expand", expansion],
  ["Flatten", flattening],
  ["Gather", gather],
  ["Gemm", gemm],
  ["GlobalAveragePool", globalPooling],
  ["GlobalLpPool", globalPooling],
  ["GlobalMaxPool", globalPooling],
  ["GroupNormalization", groupNormalization],
  ["InstanceNormalization", instanceNormalization],
  ["LayerNormalization", layerNormalization],
  ["LogSoftmax", softmax],
  ["LpNormalization", alongAxis(-1)],
  ["LpPool", pooling],
  ["LRN", across(() => [1])],
  ["MatMul", matMul],
  ["MaxPool", pooling],
  ["Pad", padding],
  ["Range", counting],
  ["RMSNormalization", layerNormalization],
  ["Reshape", reshaping],
  ["Resize", resizing],
  ["Slice", slicing],
  ["Softmax", softmax],
  ["Hardmax", softmax],
  ["SpaceToDepth", spaceToDepth],
  ["Split", splitting],
  ["Squeeze", squeeze],
  ["Transpose", transposition],
  ["Trilu", everyAxis],
  ["Unsqueeze", unsqueeze],
  ["Upsample", resizing],
]);
