import { type Graph, intAttributeOf } from "../../graph/graph.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../../onnx/proto/onnx_pb.js";
import { isStandard } from "../../onnx/standard-set.js";
import { expectedBytes, shapeOf } from "../../onnx/tensor-proto.js";
import type { SparedReason } from "../exclude-nodes.js";
import type { NodeTreatment } from "../options.js";
import { nameOf } from "../select-nodes.js";
import type { BlockedWeights } from "./blocked-weights.js";

const SMALLEST_BYTES = 1024;

/**
 * Rewrites the embeddings of a graph, Gather along the rows of a constant table, as GatherBlockQuantized. Tables that it
 * cannot hold are left as they are.
 */
export function quantizeLookUps(
  graph: Graph,
  blockSize: number,
  bits: 4 | 8,
  weights: BlockedWeights,
  spared: SparedReason,
): NodeTreatment[] {
  const fits = (node: NodeProto) => spared(node) === undefined && isLookUp(graph, node, blockSize);
  const found = graph.allNodes().filter(fits);
  const covered = found.filter(({ input }) =>
    graph.consumers(input[0]!).every(({ node, index }) => index === 0 && found.includes(node)),
  );
  return covered.map((node) => {
    const [table, indices] = node.input as [string, string];
    const [output] = node.output as [string];
    const { packed, scales, zeroPoints } = weights.forLookUp(table, bits);
    graph.removeNode(node);
    graph.addNode(
      "GatherBlockQuantized",
      [packed, indices, scales, ...(zeroPoints ? [zeroPoints] : [])],
      [output],
      {
        name: graph.freeName(`${nameOf(node)}_Q${bits}`),
        domain: "com.microsoft",
        attributes: { gather_axis: 0, quantize_axis: 1, block_size: blockSize, bits },
      },
    );
    return {
      name: nameOf(node),
      opType: node.opType,
      treatment: bits === 4 ? "weights int4" : "weights int8",
      reason: `rows in blocks of ${blockSize}, brought back when looked up by GatherBlockQuantized`,
    };
  });
}

function isLookUp(graph: Graph, node: NodeProto, blockSize: number): boolean {
  const table = graph.initializer(node.input[0] ?? "");
  if (node.opType !== "Gather" || !isStandard(node) || !table) return false;
  if (intAttributeOf(node, "axis", 0) !== 0 || table.dataType !== DataType.FLOAT) return false;
  const shape = shapeOf(table);
  return (
    shape.length === 2 &&
    shape[1]! > 0 &&
    shape[1]! % blockSize === 0 &&
    expectedBytes(table)! >= SMALLEST_BYTES &&
    graph.isInternal(table.name)
  );
}
