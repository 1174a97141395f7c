import type { GraphProto, ValueInfoProto } from "../onnx/proto/onnx_pb.js";
import { isStandard } from "../onnx/standard-set.js";

/** Operators whose outputs have shapes that follow from those of their inputs, whatever values these hold. */
const PLAIN: ReadonlySet<string> = new Set([
  "Add",
  "AveragePool",
  "BatchNormalization",
  "Cast",
  "Clip",
  "Constant",
  "Conv",
  "DequantizeLinear",
  "Div",
  "Flatten",
  "Gemm",
  "GlobalAveragePool",
  "GlobalMaxPool",
  "HardSigmoid",
  "HardSwish",
  "Identity",
  "LeakyRelu",
  "MaxPool",
  "Mul",
  "QuantizeLinear",
  "Relu",
  "Sigmoid",
  "Softmax",
  "Sub",
  "Tanh",
]);

/**
 * The tensors of a graph whose shapes any runtime finds out: plain operators lead to them from initializers and inputs of known
 * sizes. What an exporter says of the others may be more than a runtime would know, and onnxruntime fuses less without it.
 */
export function plainShapes({ input, initializer, node }: GraphProto): Set<string> {
  const plain = new Set([
    "",
    ...initializer.map(({ name }) => name),
    ...input.filter(hasKnownSizes).map(({ name }) => name),
  ]);
  for (const each of node) {
    if (!isStandard(each) || !PLAIN.has(each.opType) || !each.input.every((name) => plain.has(name)))
      continue;
    for (const output of each.output) plain.add(output);
  }
  return plain;
}

/** Whether only the number of samples is open. */
function hasKnownSizes({ type }: ValueInfoProto): boolean {
  if (type?.value.case !== "tensorType") return false;
  const [, ...sizes] = type.value.value.shape?.dim ?? [];
  return type.value.value.shape !== undefined && sizes.every(({ value }) => value.case === "dimValue");
}
