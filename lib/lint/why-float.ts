import { floatAttributeOf, type Graph } from "../graph/graph.js";
import { integerForm, valueInputs } from "../graph/integer-form.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import {
  dequantizerOf,
  isEightBit,
  isPerTensor,
  type Parameters,
  quantizersOf,
  sameParameters,
} from "./quantized-tensors.js";

/** Why a node is in float that could be in integers between quantized ones. */
export const ALONE = "nothing around it is quantized";

/**
 * Why onnxruntime's CPU provider leaves a float operator in float that stands beside QuantizeLinear or DequantizeLinear;
 * undefined where it does not. The rules are what onnxruntime 1.30 was
 * seen to do with every one of these patterns.
 */
export function whyFloat(graph: Graph, node: NodeProto): string | undefined {
  const form = integerForm(node);
  const inputs = node.input.map((tensor) => dequantizerOf(graph, tensor));
  const targets = node.output.flatMap((tensor) => quantizersOf(graph, tensor));
  if (inputs.every((source) => source === undefined) && targets.length === 0) return ALONE;
  if (!form) return `onnxruntime has no integer ${node.opType}`;
  const weighted = node.opType === "Conv" || node.opType === "Gemm";
  for (const index of weighted ? [0, 1] : valueInputs(node)) {
    const source = inputs[index];
    const name = node.input[index]!;
    if (!source) return `its input ${name} is not quantized`;
    if (!isEightBit(source) && form.how === "computes") return `its input ${name} is not of 8 bits`;
    const isWeight = graph.initializer(source.node.input[0]!) !== undefined;
    if (!isWeight && !isPerTensor(source))
      return `its input ${name} has a scale per channel, which only weights may have`;
    if (!source.scale) return `the scale of its input ${name} is computed, not a constant`;
  }
  if (form.how === "moves") return whyNotMoved(graph, node, inputs[0]!, targets);
  return whyNotComputed(graph, node, targets);
}

function whyNotMoved(
  graph: Graph,
  node: NodeProto,
  source: Parameters,
  targets: readonly Parameters[],
): string | undefined {
  if (targets.length === 0) return undefined;
  if (targets.some((target) => !sameParameters(graph, source, target)))
    return "its output has another scale or zero point than its input, so values cannot just be moved";
  return node.output.some((output) => !isOnlyQuantized(graph, output))
    ? "its output is read in float as well"
    : undefined;
}

function whyNotComputed(graph: Graph, node: NodeProto, targets: readonly Parameters[]): string | undefined {
  const output = node.output[0]!;
  const product = node.opType === "MatMul" || node.opType === "Gemm";
  if (targets.length === 0 && !product)
    return `its output ${output} is not quantized, and the integer form has no float output`;
  if (targets.length > 0 && !isOnlyQuantized(graph, output))
    return graph.isInternal(output)
      ? `its output ${output} is read in float as well as quantized; a DequantizeLinear for all readers would cure that`
      : `its output ${output} is an output of the model as well as quantized`;
  if (targets.some((target) => !isEightBit(target))) return `its output ${output} is not of 8 bits`;
  const bias = node.input[2];
  if (node.opType !== "Gemm" || !bias) return undefined;
  if (targets.length === 0 && !dequantizerOf(graph, bias))
    return "its bias is in float, and so is its output: one of them must be quantized";
  if (floatAttributeOf(node, "beta", 1) !== 1) return "its beta is not 1";
  return undefined;
}

/** One reader, and that quantizes. */
function isOnlyQuantized(graph: Graph, tensor: string): boolean {
  return (
    graph.isInternal(tensor) &&
    graph.consumers(tensor).length === 1 &&
    quantizersOf(graph, tensor).length === 1
  );
}
