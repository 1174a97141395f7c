import { type Graph, intAttributeOf } from "../graph/graph.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../onnx/proto/onnx_pb.js";

/** Operators that make shapes, indices or truth values of whatever they are given. */
const MAKERS = new Set(
  `Shape Size ArgMax ArgMin NonZero NonMaxSuppression Equal Less LessOrEqual Greater GreaterOrEqual And Or Xor Not IsNaN
  IsInf`.split(/\s+/),
);
/** Operators whose output has the type of their first input. */
const KEEPERS = new Set(
  `Gather GatherElements GatherND Slice Concat Unsqueeze Squeeze Reshape Flatten Transpose Expand Tile Add Sub Mul Div Mod
  Min Max Abs Neg Identity Range CumSum Split ReduceProd ReduceMax ReduceMin ReduceSum ScatterND ScatterElements`.split(
    /\s+/,
  ),
);
const FLOATS: ReadonlySet<number> = new Set([
  DataType.FLOAT,
  DataType.FLOAT16,
  DataType.BFLOAT16,
  DataType.DOUBLE,
]);

/** The tensors of a graph that hold shapes, indices or truth values, as far as its types and operators tell. */
export function indexTensors(graph: Graph): ReadonlySet<string> {
  const found = new Set<string>();
  const isIndex = (tensor: string | undefined): boolean => {
    const type = tensor === undefined ? undefined : graph.elementType(tensor);
    return type === undefined ? found.has(tensor ?? "") : !FLOATS.has(type);
  };
  for (const node of graph.proto.node)
    if (isIndex(node.output[0]) || makesIndex(node, isIndex))
      for (const output of node.output) found.add(output);
  return found;
}

function makesIndex(node: NodeProto, isIndex: (tensor: string | undefined) => boolean): boolean {
  const { opType, input } = node;
  if (MAKERS.has(opType)) return true;
  if (KEEPERS.has(opType)) return isIndex(input[0]);
  if (opType === "Where") return isIndex(input[1]);
  if (opType === "Cast") return !FLOATS.has(intAttributeOf(node, "to", DataType.FLOAT));
  const value = node.attribute.find(({ name }) => name === "value")?.t;
  return (
    (opType === "ConstantOfShape" || opType === "Constant") &&
    value !== undefined &&
    !FLOATS.has(value.dataType)
  );
}
