import type { Target } from "../compress/target.js";
import { TensorProto_DataType as DataType } from "../onnx/proto/onnx_pb.js";
import { isStandard } from "../onnx/standard-set.js";
import type { Finding, FindingCode } from "./finding.js";
import { isIntegerOperator } from "./integer-operators.js";
import type { ListedNode } from "./listed-nodes.js";
import { dequantizerOf, isPerTensor } from "./quantized-tensors.js";

/** Two products of an unsigned byte and a weight of this size still fit 16 bits: 2 x 255 x 64 = 32640. */
const LARGEST_SAFE_WEIGHT = 64;
/** Where the operators that multiply integers have their weight. */
const WEIGHT_INPUTS: Readonly<Record<string, number>> = {
  QLinearConv: 3,
  QLinearMatMul: 3,
  QGemm: 3,
  MatMulInteger: 1,
  ConvInteger: 1,
  MatMulIntegerToFloat: 1,
  DynamicQuantizeMatMul: 1,
  DynamicQuantizeLSTM: 1,
  QAttention: 1,
  Conv: 1,
  Gemm: 1,
  MatMul: 1,
};

/** What of a quantized model the runtime or processor it is meant for does wrong, slowly, or not at all. */
export function checkTarget(nodes: readonly ListedNode[], target: Target): Finding[] {
  const findings = [
    checkSlowConvolutions(nodes),
    checkWideActivations(nodes, target),
    checkChannelScales(nodes),
  ];
  if (target === "cpu-avx2") findings.push(checkSaturation(nodes));
  if (target === "gpu-tensorrt") findings.push(checkProvider(nodes), checkSymmetry(nodes));
  return findings.filter((finding) => finding.where.length > 0);
}

function checkSlowConvolutions(nodes: readonly ListedNode[]): Finding {
  return about(
    nodes.filter(({ node }) => node.opType === "ConvInteger"),
    "warning",
    "CONV_INTEGER_SLOW",
    "ConvInteger is 4 to 12 times slower than the float Conv of onnxruntime; static quantization makes convolutions faster",
  );
}

/** Seen in onnxruntime 1.30; with a bias it leaves such a convolution alone. */
function checkChannelScales(nodes: readonly ListedNode[]): Finding {
  const fused = nodes.filter(({ node, graph }) => {
    const source =
      node.opType === "Conv" && !node.input[2] ? dequantizerOf(graph, node.input[0]!) : undefined;
    return source !== undefined && !isPerTensor(source);
  });
  return about(
    fused,
    "error",
    "PER_CHANNEL_ACTIVATION",
    "onnxruntime fuses a convolution without bias although its input has a scale per channel, and then cannot run it: quantize activations per tensor",
  );
}

function checkWideActivations(nodes: readonly ListedNode[], target: Target): Finding {
  const wide = nodes.filter(
    ({ node, graph }) =>
      node.opType === "QuantizeLinear" && isWide(graph.initializer(node.input[2] ?? "")?.dataType),
  );
  const where = target === "gpu-tensorrt" ? "TensorRT" : "onnxruntime";
  return about(
    wide,
    "warning",
    "WIDE_ACTIVATIONS",
    `${where} has no integer kernels for activations of 16 bits: the nodes around them compute in float, with conversions on top`,
  );
}

function isWide(dataType: number | undefined): boolean {
  return dataType === DataType.INT16 || dataType === DataType.UINT16;
}

/** Also int8 activations: onnxruntime makes uint8 of them on x64. */
function checkSaturation(nodes: readonly ListedNode[]): Finding {
  const risky = nodes.filter(({ node, graph }) => {
    const index = WEIGHT_INPUTS[node.opType];
    if (index === undefined) return false;
    const name = node.input[index]!;
    const weight =
      graph.initializer(name) ?? graph.initializer(dequantizerOf(graph, name)?.node.input[0] ?? "");
    const isQuantized = isIntegerOperator(node) || dequantizerOf(graph, node.input[0]!) !== undefined;
    if (!isQuantized || weight?.dataType !== DataType.INT8) return false;
    const values = graph.model.tensor(weight).data as Int8Array;
    return values.some((value) => Math.abs(value) > LARGEST_SAFE_WEIGHT);
  });
  return about(
    risky,
    "error",
    "SATURATION",
    "int8 weights above 64 overflow the 16 bits in which x64 processors without VNNI add two products, and answers go silently wrong: quantize for cpu-avx2 (weights in 7 bits), or to uint8 weights",
  );
}

function checkProvider(nodes: readonly ListedNode[]): Finding {
  return about(
    nodes.filter(
      ({ node }) => isIntegerOperator(node) || node.opType === "DynamicQuantizeLinear" || isForeign(node),
    ),
    "error",
    "NOT_ON_PROVIDER",
    "TensorRT takes QuantizeLinear and DequantizeLinear around float operators only; these run elsewhere, with copies to and fro, or not at all: quantize statically in the qdq format for gpu-tensorrt",
  );
}

function isForeign(node: ListedNode["node"]): boolean {
  return !isStandard(node) && (node.opType === "QuantizeLinear" || node.opType === "DequantizeLinear");
}

function checkSymmetry(nodes: readonly ListedNode[]): Finding {
  const asymmetric = nodes.filter(({ node, graph }) => {
    if (node.opType !== "QuantizeLinear") return false;
    const zero = graph.initializer(node.input[2] ?? "");
    if (!zero) return true;
    return (
      zero.dataType !== DataType.INT8 ||
      graph.model.tensor(zero).data.some((value: number | bigint) => Number(value) !== 0)
    );
  });
  return about(
    asymmetric,
    "error",
    "ASYMMETRIC",
    "TensorRT wants int8 with zero point 0: quantize for gpu-tensorrt",
  );
}

function about(
  nodes: readonly ListedNode[],
  severity: Finding["severity"],
  code: FindingCode,
  message: string,
): Finding {
  return { severity, code, message, where: nodes.map(({ name }) => name) };
}
