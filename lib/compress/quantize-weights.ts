import type { Graph } from "../graph/graph.js";
import { TensorProto_DataType as DataType } from "../onnx/proto/onnx_pb.js";
import { encodeTensor } from "../onnx/tensor-proto.js";
import type { Anchor } from "./anchors.js";
import type { QuantizeSettings } from "./options.js";
import { WeightStore } from "./weight-store.js";

/**
 * Stores weights in 8 bits; arithmetic stays float. The weight comes back through Cast, Sub and Mul, the same values as
 * DequantizeLinear gives: onnxruntime folds these into a float weight when it loads the model, where a
 * DequantizeLinear would be computed again in every run.
 *
 * @returns the anchors whose weight it changed
 */
export function quantizeWeights(
  graph: Graph,
  anchors: Iterable<Anchor>,
  settings: QuantizeSettings,
): Anchor[] {
  const weights = new WeightStore(graph, settings);
  const floats = new Map<string, string>();
  const changed = [...anchors].filter(({ weight }) => weight !== undefined);
  for (const anchor of changed) {
    const weight = anchor.weight!;
    const axis = settings.perChannel ? anchor.axis : undefined;
    const key = `${axis}:${weight}`;
    const float = floats.get(key) ?? restore(graph, weights, weight, axis, settings);
    floats.set(key, float);
    graph.setInput({ node: anchor.node, index: 1 }, float);
  }
  return changed;
}

function restore(
  graph: Graph,
  weights: WeightStore,
  weight: string,
  axis: number | undefined,
  settings: QuantizeSettings,
): string {
  const { quantized, scales, zeroPoints } = weights.quantize(weight, axis);
  const rank = graph.initializer(weight)!.dims.length;
  const shape =
    axis === undefined ? [] : Array.from({ length: rank }, (_, i) => (i === axis ? scales.length : 1));
  const constant = (suffix: string, values: Float32Array): string => {
    const name = graph.freeName(`${weight}_${suffix}`);
    graph.addInitializer(encodeTensor(name, "float32", shape, values));
    return name;
  };
  const step = (opType: string, inputs: string[], attributes?: Record<string, number>): string => {
    const output = graph.freeName(`${weight}_${opType}_Output`);
    const name = graph.freeName(`${weight}_${opType}`);
    graph.addNode(opType, inputs, [output], { name, ...(attributes && { attributes }) });
    return output;
  };
  const cast = step("Cast", [quantized], { to: DataType.FLOAT });
  const centred =
    settings.weights === "int8"
      ? cast
      : step("Sub", [cast, constant("offset", Float32Array.from(zeroPoints))]);
  return step("Mul", [centred, constant("float_scale", scales)]);
}
