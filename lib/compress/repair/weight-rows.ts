import { type Graph, intAttributeOf } from "../../graph/graph.js";
import { transpose } from "../../graph/transpose.js";
import { shapeOf } from "../../onnx/tensor-proto.js";
import type { Anchor } from "../anchors.js";

/** The weight of a layer with the values that make one output side by side. */
export interface WeightRows {
  readonly values: Float32Array;
  readonly outputs: number;
  readonly columns: number;
  /** Puts values in the order of the rows back into the order of the weight. */
  restore<T extends WeightArray>(rows: T): T;
  /** Puts values in the order of the weight into that of the rows. */
  arrange<T extends WeightArray>(stored: T): T;
}

/** Of an anchor whose weight is a constant: a filter of a Conv, a column of a MatMul, one or the other of a Gemm. */
export function weightRows(graph: Graph, { node, weight }: Pick<Anchor, "node" | "weight">): WeightRows {
  const stored = graph.initializer(weight!)!;
  const data = graph.model.tensor(stored).data as Float32Array;
  const shape = shapeOf(stored);
  if (isRowMajor({ node })) {
    const outputs = shape[0]!;
    return { values: data, outputs, columns: data.length / outputs, restore: same, arrange: same };
  }
  const [columns, outputs] = shape as [number, number];
  const transposed = <T extends WeightArray>(from: T, rows: number, cols: number): T => {
    const to = from.slice() as T;
    transpose(from, to, rows, cols);
    return to;
  };
  return {
    values: transposed(data, columns, outputs),
    outputs,
    columns,
    restore: (rows) => transposed(rows, outputs, columns),
    arrange: (stored) => transposed(stored, columns, outputs),
  };
}

type WeightArray = Int8Array | Uint8Array | Float32Array;

function same<T>(values: T): T {
  return values;
}

/** Whether the weight itself has the values that make one output side by side. */
function isRowMajor({ node }: Pick<Anchor, "node">): boolean {
  return node.opType === "Conv" || intAttributeOf(node, "transB", 0) !== 0;
}
