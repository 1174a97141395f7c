import type { Graph } from "../graph/graph.js";
import { deferTensor } from "../onnx/deferred.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../onnx/proto/onnx_pb.js";
import { shapeOf } from "../onnx/tensor-proto.js";
import type { SparedReason } from "./exclude-nodes.js";
import type { QuantizeSettings } from "./options.js";
import { type StoredWeight, storedWeights } from "./stored-weights.js";
import { type QuantizedWeight, type WeightAxis, WeightStore } from "./weight-store.js";

/**
 * Stores the float weights that are left in a graph in 8 bits; arithmetic stays float. A weight comes back through
 * Cast, Sub and Mul, the same values as DequantizeLinear gives: onnxruntime folds these into a float weight when it
 * loads the model, where a DequantizeLinear would be computed again in every run. Of an embedding only the rows that
 * a run looks up are brought back.
 *
 * @param faint takes the names of weights whose values are too small for a scale
 * @returns the nodes whose weights it changed
 */
export function storeWeights(
  graph: Graph,
  settings: QuantizeSettings,
  spared: SparedReason,
  faint: Set<string>,
): Set<NodeProto> {
  return new WeightRewrite(graph, settings, faint).apply(storedWeights(graph, spared));
}

class WeightRewrite {
  private readonly weights: WeightStore;
  private readonly floats = new Map<string, string>();

  constructor(
    private readonly graph: Graph,
    private readonly settings: QuantizeSettings,
    faint: Set<string>,
  ) {
    // Arithmetic is in float, so nothing can overflow.
    this.weights = new WeightStore(graph, { ...settings, reduceRange: false }, faint);
  }

  apply(stored: readonly StoredWeight[]): Set<NodeProto> {
    const changed = new Set<NodeProto>();
    for (const { node, index, weight, axis } of stored) {
      const scaled = this.settings.perChannel ? axis : undefined;
      if (node.opType === "Gather") this.embedding(node, weight, scaled);
      else this.graph.setInput({ node, index }, this.restored(weight, scaled));
      changed.add(node);
    }
    return changed;
  }

  /** The weight in float again, made once for all nodes that read it. */
  private restored(weight: string, axis: WeightAxis): string {
    const key = `${axis}:${weight}`;
    const known = this.floats.get(key);
    if (known) return known;
    const stored = this.weights.quantize(weight, axis);
    const shape = shapeOf(this.graph.initializer(weight)!);
    const float = this.scaled(weight, stored, stored.quantized, (name, values) =>
      this.constant(name, paramShape(shape, axis), values),
    );
    this.floats.set(key, float);
    return float;
  }

  /** Looks up int8 rows, and the scale of each, instead of float rows. */
  private embedding(node: NodeProto, weight: string, axis: WeightAxis): void {
    const stored = this.weights.quantize(weight, axis);
    const [, indices] = node.input as [string, string];
    const output = node.output[0]!;
    const rows = this.graph.freeName(`${output}_quantized`);
    const rowCount = shapeOf(this.graph.initializer(weight)!)[0]!;
    this.graph.setInput({ node, index: 0 }, stored.quantized);
    this.graph.setOutput(node, 0, rows);
    const lookUp = (name: string, values: () => Float32Array): string => {
      if (axis === undefined) return this.constant(name, [], values);
      const column = this.constant(name, [rowCount, 1], values);
      return this.step("Gather", weight, [column, indices]);
    };
    this.scaled(weight, stored, rows, lookUp, output);
  }

  /** quantized -> float: (cast - zero point) x scale. */
  private scaled(
    weight: string,
    { params }: QuantizedWeight,
    quantized: string,
    parameter: (name: string, values: () => Float32Array) => string,
    output?: string,
  ): string {
    const cast = this.step("Cast", weight, [quantized], { to: DataType.FLOAT });
    const centred =
      this.settings.weights === "int8"
        ? cast
        : this.step("Sub", weight, [
            cast,
            parameter(`${weight}_zero`, () => Float32Array.from(params().zeroPoints)),
          ]);
    return this.step(
      "Mul",
      weight,
      [centred, parameter(`${weight}_step`, () => params().scales)],
      {},
      output,
    );
  }

  private step(
    opType: string,
    weight: string,
    inputs: string[],
    attributes: Record<string, number> = {},
    output = this.graph.freeName(`${weight}_${opType.toLowerCase()}`),
  ): string {
    this.graph.addNode(opType, inputs, [output], { attributes });
    return output;
  }

  private constant(base: string, shape: number[], values: () => Float32Array): string {
    const name = this.graph.freeName(base);
    this.graph.addInitializer(
      deferTensor(name, "float32", shape, (out) => (out as Float32Array).set(values())),
    );
    return name;
  }
}

/** Shape that spreads one value per channel over the weight. */
function paramShape(shape: readonly number[], axis: WeightAxis): number[] {
  if (axis === undefined) return [];
  if (axis === "rows") return [...shape.slice(0, -1), 1];
  return shape.map((size, i) => (i === axis ? size : 1));
}
