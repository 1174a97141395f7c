import type { LayerInput, Patches } from "../calibrate/layer-input.js";
import { type Graph, intAttributeOf, intsAttributeOf } from "../graph/graph.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import { shapeOf } from "../onnx/tensor-proto.js";
import type { Anchor } from "./anchors.js";

/** How the rows of an anchor's input meet its weight; undefined where that is not simple enough to be observed. */
export function layerInputOf(graph: Graph, { node, weight }: Anchor): LayerInput | undefined {
  const tensor = node.input[0]!;
  const stored = weight === undefined ? undefined : graph.initializer(weight);
  if (!stored) return undefined;
  const shape = shapeOf(stored);
  switch (node.opType) {
    case "Conv": {
      const patches = patchesOf(node, shape);
      return patches && { tensor, columns: shape.slice(1).reduce((a, b) => a * b, 1), patches };
    }
    case "Gemm":
      if (intAttributeOf(node, "transA", 0) !== 0) return undefined;
      return { tensor, columns: shape[intAttributeOf(node, "transB", 0) ? 1 : 0]! };
    default:
      return shape.length === 2 ? { tensor, columns: shape[0]! } : undefined;
  }
}

function patchesOf(node: NodeProto, shape: readonly number[]): Patches | undefined {
  const kernel = shape.slice(2);
  const automatic = node.attribute.find(({ name }) => name === "auto_pad");
  const padding = automatic === undefined ? "NOTSET" : new TextDecoder().decode(automatic.s);
  if (padding !== "NOTSET" && padding !== "VALID") return undefined;
  const pads = padding === "VALID" ? [] : intsAttributeOf(node, "pads");
  const ones = kernel.map(() => 1);
  const or = (values: number[], absent: number[]) => (values.length > 0 ? values : absent);
  return {
    groups: intAttributeOf(node, "group", 1),
    kernel,
    strides: or(intsAttributeOf(node, "strides"), ones),
    dilations: or(intsAttributeOf(node, "dilations"), ones),
    before: or(
      pads.slice(0, kernel.length),
      kernel.map(() => 0),
    ),
    after: or(
      pads.slice(kernel.length),
      kernel.map(() => 0),
    ),
  };
}
