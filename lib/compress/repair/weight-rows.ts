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
  restore<T extends Int8Array | Uint8Array>(rows: T): T;
}

/** Of an anchor whose weight is a constant: a filter of a Conv, a column of a MatMul, one or the other of a Gemm. */
export function weightRows(graph: Graph, { node, weight }: Pick<Anchor, "node" | "weight">): WeightRows {
  const stored = graph.initializer(weight!)!;
  const data = graph.model.tensor(stored).data as Float32Array;
  const shape = shapeOf(stored);
  if (isRowMajor({ node })) {
    const outputs = shape[0]!;
    return { values: data, outputs, columns: data.length / outputs, restore: (rows) => rows };
  }
  const [columns, outputs] = shape as [number, number];
  const values = new Float32Array(data.length);
  transpose(data, values, columns, outputs);
  return {
    values,
    outputs,
    columns,
    restore(rows) {
      const restored = rows.slice() as typeof rows;
      transpose(rows, restored, outputs, columns);
      return restored;
    },
  };
}

/** Whether the weight itself has the values that make one output side by side. */
export function isRowMajor({ node }: Pick<Anchor, "node">): boolean {
  return node.opType === "Conv" || intAttributeOf(node, "transB", 0) !== 0;
}
