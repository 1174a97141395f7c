import type { Graph } from "../../graph/graph.js";
import { layerDepths } from "../../graph/layer-depths.js";
import type { NodeProto } from "../../onnx/proto/onnx_pb.js";
import { encodeTensor, shapeOf } from "../../onnx/tensor-proto.js";
import type { ModelProcess } from "../../runtime/model-process.js";
import type { Anchor } from "../anchors.js";
import { type CollectOptions, collectStatistics } from "../collect-statistics.js";
import { layerOutputOf } from "../layer-output.js";
import { biasStep } from "../quantize-bias.js";
import { nameOf } from "../select-nodes.js";
import { biasUse } from "./add-to-bias.js";

/** A layer whose bias can be changed. */
interface Layer {
  readonly anchor: Anchor;
  /** The node that adds the bias: the layer itself, or the Add behind a MatMul. */
  readonly adds: NodeProto;
  readonly outputs: number;
  /** Axes of the weight beside outputs and inputs. */
  readonly spatial: number;
  /** How many layers its input has passed at most. */
  readonly depth: number;
}

/**
 * Corrects biases by what calibration shows: the mean of each output of a layer, in the quantized model less that in the
 * float model, is taken from its bias. A layer comes after all those before it, so that it is measured with their biases
 * corrected: one pass over the samples for each depth.
 * M. Nagel, M. van Baalen, T. Blankevoort, M. Welling: Data-Free Quantization Through Weight Equalization and Bias
 * Correction, ICCV 2019, appendix D (empirical bias correction), by measured instead of computed means in float.
 */
export class MeasuredBiases {
  private constructor(
    private readonly graph: Graph,
    private readonly layers: ReadonlyMap<string, Layer>,
    private readonly means: ReadonlyMap<string, Float64Array>,
  ) {}

  /** Measures the layers of a graph that is still in float. Each of them must have a bias. */
  static async ofFloat(
    models: ModelProcess,
    graph: Graph,
    anchors: readonly Anchor[],
    options: Omit<CollectOptions, "gram">,
  ): Promise<MeasuredBiases> {
    const depths = layerDepths(graph, new Set(anchors.map(({ node }) => node)));
    const layers = new Map<string, Layer>();
    for (const anchor of anchors) {
      const { node } = anchor;
      const shape = shapeOf(graph.initializer(anchor.weight!)!);
      const outputs = shape[anchor.axis ?? shape.length - 1]!;
      layers.set(nameOf(node), {
        anchor,
        adds: biasUse(graph, anchor)!.node,
        outputs,
        spatial: shape.length - 2,
        depth: depths.get(node)!,
      });
    }
    return new MeasuredBiases(graph, layers, await measure(models, graph, layers, options));
  }

  /** Corrects the biases of the graph now that it is quantized. */
  async correct(models: ModelProcess, options: Omit<CollectOptions, "gram">): Promise<void> {
    const depths = [...new Set([...this.layers.values()].map(({ depth }) => depth))].sort((a, b) => a - b);
    for (const depth of depths) {
      const layers = new Map([...this.layers].filter(([, layer]) => layer.depth === depth));
      this.graph.commit();
      for (const [name, mean] of await measure(models, this.graph, layers, options)) {
        const before = this.means.get(name);
        if (!before) continue;
        shiftBias(
          this.graph,
          layers.get(name)!,
          mean.map((value, i) => before[i]! - value),
        );
      }
    }
  }
}

async function measure(
  models: ModelProcess,
  graph: Graph,
  layers: ReadonlyMap<string, Layer>,
  options: Omit<CollectOptions, "gram">,
): Promise<Map<string, Float64Array>> {
  const inputs = new Map(
    [...layers].map(([name, { anchor, adds, outputs, spatial }]) => [
      name,
      layerOutputOf(anchor, adds.output[0]!, outputs, spatial),
    ]),
  );
  const means = new Map<string, Float64Array>();
  const statistics = collectStatistics(models, graph.model, inputs, { ...options, gram: false });
  for await (const [name, { mean }] of statistics) means.set(name, mean);
  return means;
}

/** Adds to a bias in the form it has: int32 behind a DequantizeLinear, or float. */
function shiftBias(graph: Graph, { anchor, adds }: Layer, values: Float64Array): void {
  const index = adds === anchor.node ? 2 : adds.input.findIndex((name) => graph.initializer(name));
  const bias = adds.input[index]!;
  const dequantize = graph.initializer(bias) ? undefined : graph.producer(bias);
  const name = dequantize?.input[0] ?? bias;
  const { data, shape } = graph.model.tensor(graph.initializer(name)!);
  if (!dequantize) {
    const sum = Float32Array.from(data as Float32Array, (value, i) => value + values[i]!);
    graph.addInitializer(encodeTensor(name, "float32", shape, sum));
    return;
  }
  const scales = graph.model.tensor(graph.initializer(dequantize.input[1]!)!).data as Float32Array;
  const steps = Int32Array.from(data as Int32Array, (step, i) =>
    biasStep(step + values[i]! / scales[scales.length === 1 ? 0 : i]!),
  );
  graph.addInitializer(encodeTensor(name, "int32", shape, steps));
}
