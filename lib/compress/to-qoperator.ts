import type { Graph } from "../graph/graph.js";
import { type IntegerForm, integerForm, valueInputs } from "../graph/integer-form.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../onnx/proto/onnx_pb.js";
import { isStandard } from "../onnx/standard-set.js";
import { nameOf, valueOutputs } from "./select-nodes.js";
import { ZeroPoints } from "./zero-points.js";

/** Names of a quantized tensor, its scale and its zero point. */
type Quantized = readonly [tensor: string, scale: string, zeroPoint: string];

/** Attributes of the integer operators that the float ones do not have. */
const NEW_ATTRIBUTES: Readonly<Record<string, (graph: Graph) => Record<string, number>>> = {
  QLinearGlobalAveragePool: () => ({ channels_last: 0 }),
  QLinearSoftmax: (graph) => ({ opset: graph.opset()! }),
};

/**
 * Rewrites the groups of DequantizeLinear, operator and QuantizeLinear of a statically quantized graph into the integer
 * operators that onnxruntime would make of them when it loads the model (the QOperator format): QLinearConv, QGemm and
 * so on. A product whose result is wanted in float becomes MatMulIntegerToFloat, or a QGemm without output scale, so
 * that nothing is rounded that was not before. What has no integer form, or none of
 * its types, stays between its pairs.
 */
export function toQOperator(graph: Graph): void {
  const zeroPoints = new ZeroPoints(graph);
  for (const node of graph.allNodes()) {
    const form = integerForm(node);
    if (form?.how === "moves") moveIntegers(graph, node, zeroPoints);
    else if (form) computeInIntegers(graph, node, form, zeroPoints);
  }
  for (const node of graph.allNodes())
    if (node.opType === "DequantizeLinear" && isUnread(graph, node.output[0]!)) graph.removeNode(node);
}

function isUnread(graph: Graph, tensor: string): boolean {
  return graph.isInternal(tensor) && graph.consumers(tensor).length === 0;
}

function moveIntegers(graph: Graph, node: NodeProto, zeroPoints: ZeroPoints): void {
  const source = sourceOf(graph, node.input[0]!, zeroPoints);
  const targets = valueOutputs(node).map((output) => targetOf(graph, output));
  if (!source || !isByte(typeOf(graph, source)) || !targets.every((target) => target !== undefined)) return;
  if (targets.some(({ names }) => names[1] !== source[1] || names[2] !== source[2])) return;
  graph.setInput({ node, index: 0 }, source[0]);
  for (const [index, { quantizer, names }] of targets.entries()) {
    graph.removeNode(quantizer);
    graph.setOutput(node, index, names[0]);
  }
}

function computeInIntegers(graph: Graph, node: NodeProto, form: IntegerForm, zeroPoints: ZeroPoints): void {
  const weighted = node.opType === "Conv" || node.opType === "Gemm";
  const sources = (weighted ? [0, 1] : valueInputs(node)).map((index) =>
    sourceOf(graph, node.input[index]!, zeroPoints),
  );
  if (!sources.every((source) => source !== undefined)) return;
  const bias = weighted && node.input[2] ? storedIntegers(graph, node.input[2]) : undefined;
  if (weighted && node.input[2] && !bias) return;
  const output = node.output[0]!;
  const target = targetOf(graph, output);
  if (!haveKernel(graph, node, sources, target?.names)) return;
  const scales = target?.names.slice(1) ?? [];
  const attribute = node.attribute.filter(({ name }) => name !== "beta");
  let { kernel, domain } = form;
  let inputs: string[];
  if (node.opType === "MatMul" && !target) {
    [kernel, domain] = ["MatMulIntegerToFloat", "com.microsoft"];
    const [[a, aScale, aZero], [b, bScale, bZero]] = sources as [Quantized, Quantized];
    inputs = [a, b, aScale, bScale, aZero, bZero];
  } else if (node.opType === "Gemm") inputs = [...sources.flat(), bias ?? "", ...scales];
  else if (!target) return;
  else if (node.opType === "Concat") inputs = [...scales, ...sources.flat()];
  else if (node.opType === "Where") inputs = [node.input[0]!, ...sources.flat(), ...scales];
  else inputs = [...sources.flat(), ...scales, ...(bias === undefined ? [] : [bias])];
  graph.removeNode(node);
  if (target) graph.removeNode(target.quantizer);
  const integer = graph.addNode(kernel, inputs, [target?.names[0] ?? output], {
    name: graph.freeName(`${nameOf(node)}_quant`),
    domain,
    attributes: NEW_ATTRIBUTES[kernel]?.(graph) ?? {},
  });
  integer.attribute.push(...attribute);
}

/** Integer operators take and make one type of 8 bits; only products take int8 beside uint8, as their second factor. */
function haveKernel(
  graph: Graph,
  { opType }: NodeProto,
  sources: readonly Quantized[],
  target: Quantized | undefined,
): boolean {
  const [first, ...others] = sources.map((source) => typeOf(graph, source));
  const isProduct = opType === "Conv" || opType === "Gemm" || opType === "MatMul";
  return (
    isByte(first) &&
    others.every((type) => type === first || (isProduct && type === DataType.INT8)) &&
    (target === undefined || typeOf(graph, target) === first)
  );
}

function typeOf(graph: Graph, [, , zeroPoint]: Quantized): number | undefined {
  return graph.elementType(zeroPoint);
}

function isByte(type: number | undefined): boolean {
  return type === DataType.UINT8 || type === DataType.INT8;
}

/** The integers that a tensor is the float form of. */
function storedIntegers(graph: Graph, tensor: string): string | undefined {
  const node = graph.producer(tensor);
  return node?.opType === "DequantizeLinear" && isStandard(node) ? node.input[0] : undefined;
}

/** The same with their scale and zero point: an integer convolution must be told that of its weights, even where it is 0. */
function sourceOf(graph: Graph, tensor: string, zeroPoints: ZeroPoints): Quantized | undefined {
  const quantized = storedIntegers(graph, tensor);
  if (quantized === undefined) return undefined;
  const [, scale, zeroPoint] = graph.producer(tensor)!.input as [string, string, string?];
  const [channels] = graph.initializer(scale)!.dims;
  return [
    quantized,
    scale,
    zeroPoint ?? zeroPoints.of("int8", 0, channels === undefined ? undefined : Number(channels)),
  ];
}

/** The only reader of a tensor, where that quantizes it. */
function targetOf(graph: Graph, tensor: string): { quantizer: NodeProto; names: Quantized } | undefined {
  const uses = graph.consumers(tensor);
  const quantizer = uses[0]?.node;
  if (uses.length !== 1 || !graph.isInternal(tensor)) return undefined;
  if (quantizer?.opType !== "QuantizeLinear" || !isStandard(quantizer)) return undefined;
  const [, scale, zeroPoint] = quantizer.input as [string, string, string];
  return { quantizer, names: [quantizer.output[0]!, scale, zeroPoint] };
}
