import type { NodeProto } from "../../onnx/proto/onnx_pb.js";
import { isStandard } from "../../onnx/standard-set.js";

/** Operators that have no float16 in ONNX, or none in runtimes that matter. */
const NO_FLOAT16 = new Set(
  `Bernoulli BlackmanWindow ConvInteger CumSum DFT DequantizeLinear DynamicQuantizeLinear EyeLike HammingWindow HannWindow
  MatMulInteger Max MelWeightMatrix Min Multinomial NonMaxSuppression OneHot QLinearConv QLinearMatMul QuantizeLinear
  RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range RoiAlign STFT StringNormalizer TopK Upsample`.split(
    /\s+/,
  ),
);
/** Their inputs and outputs are sequences or options of tensors. */
const CONTAINERS = /^(Sequence|Optional|ConcatFromSequence|SplitToSequence)/;
const CONTRIB = new Set("BiasGelu FastGelu FusedMatMul Gelu QuickGelu SkipLayerNormalization".split(" "));

/** True for operators of onnxruntime's own that take float16, and make what they take. */
export function takesFloat16({ domain, opType }: NodeProto): boolean {
  return domain === "com.microsoft" && CONTRIB.has(opType);
}

/** Why a node has to stay in float32; undefined where it may work in float16. */
export function whyFloat32(node: NodeProto): string | undefined {
  const { opType, domain, attribute, output } = node;
  if (attribute.some(({ g, graphs }) => g || graphs.length > 0))
    return "passes tensors to subgraphs, in which nodes work on float16";
  if (takesFloat16(node)) return undefined;
  if (!isStandard(node)) return `whether ${domain}.${opType} takes float16 is not known`;
  if (NO_FLOAT16.has(opType)) return `${opType} of float16 does not run everywhere`;
  if (/^Constant(OfShape)?$/.test(opType) && !attribute.some(({ t }) => t))
    return "its value is an attribute";
  if (opType === "BatchNormalization") return "its statistics may lie outside of the range of float16";
  if (opType === "LayerNormalization" && output.length > 1) return "gives statistics, which are float32";
  return CONTAINERS.test(opType) ? "works on sequences" : undefined;
}
