import { ModelFormatError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { encodeTensor } from "../onnx/tensor-proto.js";
import { roundHalfEven } from "../quantize/round-half-even.js";
import type { Anchor } from "./anchors.js";
import type { WeightStore } from "./weight-store.js";

const INT32_MAX = 2147483647;
const INT32_MIN = -2147483648;
/** A little above the exact limit, as in onnxruntime's quantizer, so that rounding cannot pass it. */
const HEADROOM = 1.0001;

/**
 * Raises weight scales so that the bias fits int32 in steps of input scale x weight scale: a channel of nearly zero
 * weights with a real bias would overflow otherwise. Call for every anchor before weights are quantized.
 *
 * @throws ModelFormatError TENSOR_INVALID for a bias that holds NaN or infinity
 */
export function fitBias(
  graph: Graph,
  anchor: Anchor,
  inputScale: number,
  weights: WeightStore,
  axis: number | undefined,
): void {
  const { data } = graph.model.tensor(graph.initializer(anchor.bias!)!);
  const bias = data as Float32Array;
  const smallest = (absolute: number): number => (HEADROOM * 2 * absolute) / (2 * INT32_MAX);
  const largest = bias.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  if (!Number.isFinite(largest))
    throw new ModelFormatError("TENSOR_INVALID", "the bias holds NaN or infinity, so it has no int32 form", {
      path: graph.model.path,
      field: `tensor ${JSON.stringify(anchor.bias)}`,
    });
  weights.raiseScales(anchor.weight!, axis, (channel) => {
    const absolute = axis === undefined || bias.length === 1 ? largest : Math.abs(bias[channel]!);
    return smallest(absolute) / inputScale;
  });
}

/** The int32 nearest to a bias in steps. */
export function biasStep(steps: number): number {
  return roundHalfEven(Math.min(Math.max(steps, INT32_MIN), INT32_MAX));
}

/**
 * Replaces a bias by its int32 form and a DequantizeLinear: scale = input scale x weight scale as a float32 product,
 * rounded half to even in float64, zero point 0 (onnxruntime's quantizer).
 */
export function quantizeBias(
  graph: Graph,
  anchor: Anchor,
  inputScale: number,
  weightScales: Float32Array,
): void {
  const name = anchor.bias!;
  const { data, shape } = graph.model.tensor(graph.initializer(name)!);
  const perChannel = weightScales.length > 1;
  // One value for all channels becomes one per channel, since each has a scale of its own.
  const broadcast = perChannel && data.length === 1;
  const bias = broadcast
    ? new Float32Array(weightScales.length).fill(data[0] as number)
    : (data as Float32Array);
  const biasShape = broadcast ? [bias.length] : shape;
  const scales = weightScales.map((scale) => scale * inputScale);
  const quantized = new Int32Array(bias.length);
  for (let i = 0; i < bias.length; i++) {
    quantized[i] = biasStep(bias[i]! / scales[perChannel ? i : 0]!);
  }
  const paramShape = perChannel ? [scales.length] : [];
  const names = {
    quantized: graph.freeName(`${name}_quantized`),
    scale: graph.freeName(`${name}_quantized_scale`),
    output: graph.freeName(`${name}_dequantized`),
  };
  graph.addInitializer(encodeTensor(names.quantized, "int32", biasShape, quantized));
  graph.addInitializer(encodeTensor(names.scale, "float32", paramShape, scales));
  graph.addNode("DequantizeLinear", [names.quantized, names.scale], [names.output], {
    attributes: perChannel ? { axis: biasShape.length - 1 } : {},
  });
  graph.setInput({ node: anchor.node, index: 2 }, names.output);
}
