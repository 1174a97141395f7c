import { floatAttributeOf, type Graph, intAttributeOf } from "../graph/graph.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../onnx/proto/onnx_pb.js";
import { isStandard } from "../onnx/standard-set.js";

/** A node whose arithmetic onnxruntime does in integers, and where its parts stand among its inputs. */
export interface Anchor {
  readonly node: NodeProto;
  /** Inputs that are activations. */
  readonly activations: readonly number[];
  /** Input 1 when it is an initializer; absent for a product of two activations. */
  readonly weight: string | undefined;
  /** Axis of the weight with one scale per output channel; undefined where only one scale per tensor is possible. */
  readonly axis: number | undefined;
  readonly bias: string | undefined;
}

const ANCHOR_OPS = new Set(["Conv", "Gemm", "MatMul"]);

/** Has no integer form in onnxruntime, but other runtimes have one. */
const ASKED_ANCHOR_OP = "ConvTranspose";

/** True for the operators that can become anchors; some only where they are asked for. */
export function isAnchorOp(node: NodeProto, asked: readonly string[] = []): boolean {
  const { opType } = node;
  return (
    isStandard(node) &&
    (ANCHOR_OPS.has(opType) || (opType === ASKED_ANCHOR_OP && asked.includes(ASKED_ANCHOR_OP)))
  );
}

/** Reads a Conv, Gemm or MatMul as an anchor; a string says why it must stay in float. */
export function anchorOf(graph: Graph, node: NodeProto): Anchor | string {
  const [x, w, b] = node.input;
  if (graph.initializer(x!)) return "its first input is a constant";
  if (!isFloat(graph, x!)) return "its input is not float32";
  const weight = graph.initializer(w!);
  if (weight && weight.dataType !== DataType.FLOAT) return "its weight is not float32";
  if (weight?.dims.includes(0n)) return "its weight is empty";
  const activations = weight ? [0] : [0, 1];
  const bias = b ? graph.initializer(b) : undefined;
  if (b && !bias) return "its bias is computed, not a constant";
  if (bias && bias.dataType !== DataType.FLOAT) return "its bias is not float32";
  const rank = weight?.dims.length ?? 0;
  const parts = { node, activations, weight: weight?.name, bias: bias?.name };
  switch (node.opType) {
    case "Conv":
      if (!weight) return "its weight is computed, not a constant";
      return { ...parts, axis: 0 };
    case "ConvTranspose":
      if (!weight) return "its weight is computed, not a constant";
      // With groups, output channels are spread over two axes.
      return { ...parts, axis: intAttributeOf(node, "group", 1) === 1 ? 1 : undefined };
    case "Gemm":
      if (!weight) return "its weight is computed, not a constant";
      if (floatAttributeOf(node, "alpha", 1) !== 1 || floatAttributeOf(node, "beta", 1) !== 1)
        return "its alpha or beta is not 1";
      if (bias && bias.dims.length > 1 && Number(bias.dims[0]) !== 1) return "its bias is a matrix";
      return { ...parts, axis: intAttributeOf(node, "transB", 0) ? 0 : 1 };
    default:
      if (!weight && !isFloat(graph, w!)) return "its second input is not float32";
      return { ...parts, axis: rank === 2 ? 1 : undefined };
  }
}

/** Tensors of unknown type count as float: shape inference leaves gaps, and the other input of the operator is float. */
function isFloat(graph: Graph, tensor: string): boolean {
  return (graph.elementType(tensor) ?? DataType.FLOAT) === DataType.FLOAT;
}
