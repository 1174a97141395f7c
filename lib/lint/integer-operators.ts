import type { NodeProto } from "../onnx/proto/onnx_pb.js";

/** Operators whose own arithmetic is in integers. */
const INTEGER =
  /^(QLinear\w+|QGemm|QAttention|QEmbedLayerNormalization|MatMulInteger\w*|ConvInteger|DynamicQuantize(MatMul|LSTM))$/;
/** Operators with weights of few bits that they bring back to float inside, block by block. */
const LOW_BIT = /^(MatMulNBits|MatMulBnb4|GatherBlockQuantized)$/;
/** Operators that only go between integers and float. */
const CONVERSIONS = new Set(["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"]);
/** Operators that most of a model's time goes to. */
const HEAVY = new Set([
  "Conv",
  "ConvTranspose",
  "Gemm",
  "MatMul",
  "LSTM",
  "GRU",
  "RNN",
  "Attention",
  "FusedConv",
  "FusedGemm",
  "FusedMatMul",
  "MultiHeadAttention",
]);

export function isIntegerOperator({ opType }: Pick<NodeProto, "opType">): boolean {
  return INTEGER.test(opType);
}

export function isLowBitOperator({ opType }: Pick<NodeProto, "opType">): boolean {
  return LOW_BIT.test(opType);
}

export function isConversion({ opType }: Pick<NodeProto, "opType">): boolean {
  return CONVERSIONS.has(opType);
}

export function isHeavy({ opType }: Pick<NodeProto, "opType">): boolean {
  return HEAVY.has(opType);
}
