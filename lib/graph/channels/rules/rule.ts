import type { NodeProto } from "../../../onnx/proto/onnx_pb.js";
import type { Axes } from "../axes.js";
import type { Cut } from "../cut-graph.js";

/** What an operator has to do with channels. */
export interface Rule {
  /**
   * Says which axes of its inputs and outputs hold the same channels, which must stay whole, and what sizes its outputs
   * have. Returns why it cannot, where it cannot: then all of them stay whole.
   */
  relate(node: NodeProto, axes: Axes): string | undefined;
  /** Changes what the node itself says of sizes, now that channels are gone. */
  cut?(node: NodeProto, cut: Cut): void;
  /** Inputs that are vectors of sizes and may be computed from sizes that change. */
  readonly sizeInputs?: readonly number[];
}

/** The input of a node, where it has it: an optional one that is left out has no name. */
export function inputOf(node: NodeProto, index: number): string | undefined {
  return node.input[index] || undefined;
}

/** An axis counted from the front, where it may be counted from the end. */
export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
