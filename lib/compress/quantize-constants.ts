import type { Graph } from "../graph/graph.js";
import { minMax } from "../minmax/min-max.js";
import { encodeTensor, shapeOf } from "../onnx/tensor-proto.js";
import { computeQuantParams } from "../quantize/compute-quant-params.js";
import { quantizeLinear } from "../quantize/quantize-linear.js";
import { isQuantizedUse } from "./activation-plan.js";
import { isFaint } from "./faint.js";
import type { QuantizeSettings } from "./options.js";
import { quantizeDomain } from "./quantize-domain.js";
import type { Selection } from "./select-nodes.js";
import type { WeightStore } from "./weight-store.js";

/**
 * Stores constants that selected nodes read beside an activation, such as the second term of an Add, in the type of
 * activations: onnxruntime's integer forms want one type on both sides.
 *
 * @param weights its zero points are shared; its `faint` takes the names of those whose values are too small for a scale
 */
export function quantizeConstants(
  graph: Graph,
  constants: readonly string[],
  selection: Selection,
  { activations: dtype, symmetric }: QuantizeSettings,
  { faint, zeroPoints }: Pick<WeightStore, "faint" | "zeroPoints">,
): void {
  for (const name of constants) {
    const stored = graph.initializer(name)!;
    const values = graph.model.tensor(stored).data as Float32Array;
    const { min, max } = minMax(values);
    const { scale, zeroPoint } = computeQuantParams({ min, max, dtype, symmetric });
    if (isFaint({ min, max, scale })) faint.add(name);
    const names = {
      quantized: graph.freeName(`${name}_quantized`),
      scale: graph.freeName(`${name}_scale`),
      output: graph.freeName(`${name}_dequantized`),
    };
    const quantized = quantizeLinear(values, { scale, zeroPoint, dtype });
    const uses = graph.consumers(name).filter((use) => isQuantizedUse(use, selection));
    for (const use of uses) graph.setInput(use, names.output);
    graph.addInitializer(encodeTensor(names.quantized, dtype, shapeOf(stored), quantized));
    graph.addInitializer(encodeTensor(names.scale, "float32", [], Float32Array.of(scale)));
    const parameters = [names.scale, zeroPoints.of(dtype, zeroPoint)];
    graph.addNode("DequantizeLinear", [names.quantized, ...parameters], [names.output], {
      domain: quantizeDomain(graph, dtype),
    });
  }
}
