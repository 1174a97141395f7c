import type { Graph } from "../graph/graph.js";
import { expectedBytes } from "../onnx/tensor-proto.js";
import type { Finding } from "./finding.js";
import { isConversion, isHeavy, isIntegerOperator, isLowBitOperator } from "./integer-operators.js";
import type { LeftPair } from "./left-pairs.js";
import type { NodeRun } from "./trace-nodes.js";
import { ALONE } from "./why-float.js";

interface RunNode {
  readonly name: string;
  readonly opType: string;
  readonly run: NodeRun;
  readonly why: string;
}

/** Conversions cost little beside a large product, but as much as a small operator. */
const CONVERSIONS_PER_KERNEL = 2;
/** Smaller ones cost nothing. */
const MIN_RESTORED_BYTES = 1024;

/** Why a quantized model may be slower than it could be, or slower than float32. */
export function checkSpeed(nodes: readonly RunNode[], pairs: readonly LeftPair[], graph: Graph): Finding[] {
  const heavy = nodes.filter((node) => isHeavy(node) || isIntegerOperator(node) || isLowBitOperator(node));
  const floats = heavy.filter(({ run }) => run === "float");
  const unfused = nodes.filter(({ run, why }) => run === "float" && why !== "" && why !== ALONE);
  const kernels = nodes.filter(({ run }) => run === "integer" || run === "low-bit").length;
  const conversions = graph.allNodes().filter(isConversion);
  const restored = restoredWeights(graph);
  const findings: Finding[] = [
    {
      severity: "warning",
      code: "HEAVY_NODES_IN_FLOAT",
      message: `${floats.length} of ${heavy.length} products and convolutions run in float`,
      where: floats.map(({ name }) => name),
    },
    {
      severity: "warning",
      code: "UNFUSED",
      message: `${unfused.length} operators beside QuantizeLinear or DequantizeLinear run in float, with conversions around them`,
      where: unfused.map(({ name }) => name),
    },
    {
      severity: "warning",
      code: "PAIR_LEFT",
      message: `${pairs.length} tensors are quantized and brought back with nothing computed in between: time and accuracy lost for nothing`,
      where: pairs.map(({ tensor }) => tensor),
    },
    {
      severity: "warning",
      code: "WEIGHT_RESTORED_EVERY_RUN",
      message: `weights are brought back to float in every run (${restored.length}), since onnxruntime does not fold DequantizeLinear`,
      where: restored,
    },
  ];
  if (conversions.length > CONVERSIONS_PER_KERNEL * kernels)
    findings.push({
      severity: "warning",
      code: "CONVERSIONS_OUTWEIGH",
      message: `${conversions.length} conversions between float and integers stand beside ${kernels} integer kernels: this may be slower than float32; modelpress bench tells`,
      where: conversions.map(({ name, output }) => name || output[0]!),
    });
  return findings.filter(({ where }) => where.length > 0);
}

/** Stored weights that a DequantizeLinear is left over. */
function restoredWeights(graph: Graph): string[] {
  return graph.allNodes().flatMap((node) => {
    const stored = node.opType === "DequantizeLinear" ? graph.initializer(node.input[0]!) : undefined;
    return stored && (expectedBytes(stored) ?? 0) >= MIN_RESTORED_BYTES ? [stored.name] : [];
  });
}
