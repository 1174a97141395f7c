import { type Graph, intAttributeOf } from "../graph/graph.js";
import { transpose } from "../graph/transpose.js";
import { deferTensor } from "../onnx/deferred.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../onnx/proto/onnx_pb.js";
import { isStandard } from "../onnx/standard-set.js";
import { encodeTensor, shapeOf } from "../onnx/tensor-proto.js";
import type { SparedReason } from "./exclude-nodes.js";
import type { QuantizeSettings } from "./options.js";
import { WeightStore } from "./weight-store.js";

/** Where W and R stand among the inputs of an LSTM, and their scale and zero point among those of its quantized form. */
const WEIGHTS = [
  { index: 1, parameters: 8 },
  { index: 2, parameters: 10 },
] as const;

/**
 * Rewrites LSTM nodes into onnxruntime's DynamicQuantizeLSTM (com.microsoft): weights int8 with one scale per gate and
 * unit, or with `perChannel: false` one for all, stored with their last two axes exchanged; the input is quantized in every step. Returns the nodes rewritten.
 *
 * @param faint takes the names of weights whose values are too small for a scale
 */
export function quantizeLstms(
  graph: Graph,
  settings: QuantizeSettings,
  spared: SparedReason,
  faint: Set<string>,
): NodeProto[] {
  const weights = new WeightStore(graph, { ...settings, weights: "int8" }, faint);
  const suitable = graph.allNodes().filter((node) => isSuitable(graph, node) && spared(node) === undefined);
  for (const node of suitable) rewrite(graph, node, weights, settings.perChannel);
  return suitable;
}

function isSuitable(graph: Graph, node: NodeProto): boolean {
  return (
    node.opType === "LSTM" &&
    isStandard(node) &&
    intAttributeOf(node, "layout", 0) === 0 &&
    WEIGHTS.every(({ index }) => graph.initializer(node.input[index]!)?.dataType === DataType.FLOAT)
  );
}

function rewrite(graph: Graph, node: NodeProto, weights: WeightStore, perChannel: boolean): void {
  const input = [...node.input];
  while (input.length < 12) input.push("");
  for (const { index, parameters } of WEIGHTS) {
    const name = node.input[index]!;
    const { quantized, params } = weights.quantize(name, perChannel ? "rows" : undefined);
    const [directions, rows, columns] = shapeOf(graph.initializer(name)!) as [number, number, number];
    // The integer form takes a scale for each direction at least.
    const scaleShape = perChannel ? [directions, rows] : [directions];
    const scales = perChannel ? params().scales : new Float32Array(directions).fill(params().scales[0]!);
    const stored = graph.initializer(quantized)!;
    const constant = (
      suffix: string,
      dtype: "int8" | "float32",
      shape: number[],
      data: Int8Array | Float32Array,
    ) => {
      const constantName = graph.freeName(`${name}_${suffix}`);
      graph.addInitializer(encodeTensor(constantName, dtype, shape, data));
      return constantName;
    };
    const exchanged = graph.freeName(`${name}_quantized_transposed`);
    graph.addInitializer(
      deferTensor(exchanged, "int8", [directions, columns, rows], (out) => {
        const values = graph.model.tensor(stored).data;
        for (let at = 0; at < values.length; at += rows * columns)
          transpose(
            values.subarray(at, at + rows * columns),
            out.subarray(at, at + rows * columns),
            rows,
            columns,
          );
      }),
    );
    input[index] = exchanged;
    input[parameters] = constant("gate_scale", "float32", scaleShape, scales);
    input[parameters + 1] = constant("gate_zero_point", "int8", scaleShape, new Int8Array(scales.length));
  }
  const { attribute, output, name } = node;
  graph.removeNode(node);
  const replacement = graph.addNode("DynamicQuantizeLSTM", input, [...output], {
    name: graph.freeName(`${name || output[0]}_quant`),
    domain: "com.microsoft",
  });
  replacement.attribute = attribute.filter((each) => each.name !== "layout");
}
