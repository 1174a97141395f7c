import { TensorProto_DataType as DataType, type NodeProto } from "../onnx/proto/onnx_pb.js";
import { isStandard } from "../onnx/standard-set.js";
import { shapeOf } from "../onnx/tensor-proto.js";
import { elementCount } from "../tensor.js";
import type { Graph } from "./graph.js";

/** A node that computes factor x + term by constants; one of the two is 1 or 0. For each channel, or one for all. */
export interface Affine {
  readonly node: NodeProto;
  /** The tensor x. */
  readonly input: string;
  /** Which input the constant is. */
  readonly constantAt: number;
  readonly factor: readonly number[];
  readonly term: readonly number[];
}

/** Factors beyond would bring what they are folded into near the ends of what float32 holds. */
const LARGEST_FACTOR = 2 ** 20;

/**
 * What a node does to each channel of a tensor [N, channels, ...] of so many dimensions; undefined where it does not
 * multiply it by constants, nor add them.
 */
export function affineOf(graph: Graph, node: NodeProto, rank: number, channels: number): Affine | undefined {
  if (!isStandard(node) || node.input.length !== 2) return undefined;
  const constantAt = node.input.findIndex((name) => graph.initializer(name) !== undefined);
  const values = channelValues(graph, node.input[constantAt], rank, channels);
  const input = node.input[1 - constantAt];
  if (!values || input === undefined || graph.initializer(input)) return undefined;
  const isSecond = constantAt === 1;
  const parts = { node, input, constantAt };
  switch (node.opType) {
    case "Add":
      return { ...parts, factor: [1], term: values };
    case "Sub":
      return isSecond ? { ...parts, factor: [1], term: values.map((value) => -value) } : undefined;
    case "Mul":
      return values.every(isMild) ? { ...parts, factor: values, term: [0] } : undefined;
    case "Div":
      return isSecond && values.every(isMild)
        ? { ...parts, factor: values.map((value) => 1 / value), term: [0] }
        : undefined;
    default:
      return undefined;
  }
}

/** One value of a constant for each channel, or for all of them; undefined where other dimensions have their own. */
function channelValues(
  graph: Graph,
  name: string | undefined,
  rank: number,
  channels: number,
): number[] | undefined {
  const stored = name === undefined ? undefined : graph.initializer(name);
  if (stored?.dataType !== DataType.FLOAT || stored.dims.length > rank) return undefined;
  const shape = shapeOf(stored);
  const channelAt = shape.length - rank + 1;
  const count = elementCount(shape);
  if (count !== 1 && !(count === channels && shape[channelAt] === channels)) return undefined;
  const values = Array.from(graph.model.tensor(stored).data as Float32Array);
  return values.every(Number.isFinite) ? values : undefined;
}

function isMild(factor: number): boolean {
  const size = Math.abs(factor);
  return size >= 1 / LARGEST_FACTOR && size <= LARGEST_FACTOR;
}
