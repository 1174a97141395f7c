import { type Graph, intAttributeOf } from "../graph/graph.js";
import { transpose } from "../graph/transpose.js";
import { deferTensor } from "../onnx/deferred.js";
import { TensorProto_DataType as DataType, type NodeProto, type TensorProto } from "../onnx/proto/onnx_pb.js";
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
/** Of DynamicQuantizeLSTM; the last is the zero point of R. */
const INPUTS = 12;

/**
 * Rewrites LSTM nodes into onnxruntime's DynamicQuantizeLSTM (com.microsoft): weights int8 with one scale per gate and
 * unit, or with `perChannel: false` one for all; the input is quantized in every step. Returns the nodes rewritten.
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
  const suitable = graph
    .allNodes()
    .filter((node) => hasDynamicLstm(graph, node) && spared(node) === undefined);
  for (const node of suitable) rewrite(graph, node, weights, settings.perChannel);
  return suitable;
}

/** Whether a node is an LSTM that onnxruntime has a quantized form of. */
export function hasDynamicLstm(graph: Graph, node: NodeProto): boolean {
  return (
    node.opType === "LSTM" &&
    isStandard(node) &&
    intAttributeOf(node, "layout", 0) === 0 &&
    WEIGHTS.every(({ index }) => graph.initializer(node.input[index]!)?.dataType === DataType.FLOAT)
  );
}

function rewrite(graph: Graph, node: NodeProto, weights: WeightStore, perChannel: boolean): void {
  const { attribute, output, name } = node;
  const input = [...node.input];
  while (input.length < INPUTS) input.push("");
  for (const { index, parameters } of WEIGHTS) {
    const weight = node.input[index]!;
    const shape = shapeOf(graph.initializer(weight)!) as [number, number, number];
    const { quantized, params } = weights.quantize(weight, perChannel ? "rows" : undefined);
    const [scale, zeroPoint] = storeParameters(graph, weight, shape, params().scales);
    input[index] = storeExchanged(graph, weight, shape, graph.initializer(quantized)!);
    input[parameters] = scale;
    input[parameters + 1] = zeroPoint;
  }
  graph.removeNode(node);
  const replacement = graph.addNode("DynamicQuantizeLSTM", input, [...output], {
    name: graph.freeName(`${name || output[0]}_quant`),
    domain: "com.microsoft",
  });
  replacement.attribute = attribute.filter((each) => each.name !== "layout");
}

/** Names of scales and zero points: one for each row of the weight, or where it has a single one, for each direction at least. */
function storeParameters(
  graph: Graph,
  weight: string,
  [directions, rows]: readonly [number, number, number],
  scales: Float32Array,
): [scale: string, zeroPoint: string] {
  const isPerRow = scales.length > 1;
  const shape = isPerRow ? [directions, rows] : [directions];
  const values = isPerRow ? scales : new Float32Array(directions).fill(scales[0]!);
  const scale = graph.freeName(`${weight}_gate_scale`);
  const zeroPoint = graph.freeName(`${weight}_gate_zero_point`);
  graph.addInitializer(encodeTensor(scale, "float32", shape, values));
  graph.addInitializer(encodeTensor(zeroPoint, "int8", shape, new Int8Array(values.length)));
  return [scale, zeroPoint];
}

/** The name of the steps with their last two axes exchanged, as the integer form reads them. */
function storeExchanged(
  graph: Graph,
  weight: string,
  [directions, rows, columns]: readonly [number, number, number],
  steps: TensorProto,
): string {
  const name = graph.freeName(`${weight}_quantized_transposed`);
  const size = rows * columns;
  graph.addInitializer(
    deferTensor(name, "int8", [directions, columns, rows], (out) => {
      const values = graph.model.tensor(steps).data;
      for (let at = 0; at < values.length; at += size)
        transpose(values.subarray(at, at + size), out.subarray(at, at + size), rows, columns);
    }),
  );
  return name;
}
