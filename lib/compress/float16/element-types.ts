import { Graph, intAttributeOf } from "../../graph/graph.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../../onnx/proto/onnx_pb.js";
import { isStandard } from "../../onnx/standard-set.js";
import { takesFloat16 } from "./why-float32.js";

const BOOLEAN = new Set(
  "And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Xor".split(" "),
);
const INT64 = new Set("ArgMax ArgMin NonMaxSuppression NonZero Shape Size".split(" "));
/** Input whose type the output has, where that is not the first. */
const TYPED_BY: Readonly<Record<string, number>> = {
  CastLike: 1,
  DequantizeLinear: 1,
  OneHot: 2,
  QuantizeLinear: 2,
  Where: 1,
};
/** Their type is an attribute, float32 if it is absent. */
const BY_ATTRIBUTE = new Set(
  "EyeLike Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike".split(" "),
);

/** Operators whose outputs are those of a subgraph, and which of them is the first. */
const INNER_OUTPUTS: Readonly<Record<string, { attribute: string; first: number }>> = {
  If: { attribute: "then_branch", first: 0 },
  // Before them a body says whether to go on.
  Loop: { attribute: "body", first: 1 },
  Scan: { attribute: "body", first: 0 },
};

/** TensorProto.DataType of a tensor; undefined where nothing tells. */
export type ElementTypes = (tensor: string) => number | undefined;

/**
 * The element types of a graph: those that the model says, and what follows from them for tensors of which it says nothing.
 *
 * @param outer of the graph around this one
 */
export function elementTypes(graph: Graph, outer?: ElementTypes): ElementTypes {
  const found = new Map<string, number>();
  const typeOf: ElementTypes = (tensor) =>
    graph.elementType(tensor) ?? found.get(tensor) ?? (graph.producer(tensor) ? undefined : outer?.(tensor));
  // Until nothing new is found, for nodes may stand in any order.
  for (let known = -1; known < found.size; ) {
    known = found.size;
    for (const node of graph.allNodes())
      for (const [index, output] of node.output.entries()) {
        if (typeOf(output) !== undefined) continue;
        const type = typeOfOutput(graph, node, index, typeOf);
        if (type !== undefined) found.set(output, type);
      }
  }
  return typeOf;
}

function typeOfOutput(
  graph: Graph,
  node: NodeProto,
  index: number,
  typeOf: ElementTypes,
): number | undefined {
  const { opType, input } = node;
  if (!isStandard(node)) return takesFloat16(node) && index === 0 ? typeOf(input[0]!) : undefined;
  const attribute = (name: string) => node.attribute.find((each) => each.name === name);
  if (opType === "Cast") return intAttributeOf(node, "to", DataType.UNDEFINED);
  if (opType === "Constant" || opType === "ConstantOfShape")
    return attribute("value")?.t?.dataType ?? (attribute("value_ints") ? DataType.INT64 : DataType.FLOAT);
  if (BY_ATTRIBUTE.has(opType)) return intAttributeOf(node, "dtype", DataType.FLOAT);
  if (BOOLEAN.has(opType)) return DataType.BOOL;
  if (INT64.has(opType)) return DataType.INT64;
  if (index > 0 && (opType === "MaxPool" || opType === "TopK" || opType === "Unique")) return DataType.INT64;
  if (index > 0 && opType === "Dropout") return DataType.BOOL;
  const subgraph = INNER_OUTPUTS[opType];
  if (subgraph) {
    const inner = attribute(subgraph.attribute)?.g;
    const output = inner?.output[index + subgraph.first]?.name;
    return inner && output !== undefined
      ? elementTypes(new Graph(graph.model, inner), typeOf)(output)
      : undefined;
  }
  const source = input[TYPED_BY[opType] ?? 0];
  return source === undefined ? undefined : typeOf(source);
}
