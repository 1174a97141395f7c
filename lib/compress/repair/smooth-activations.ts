import type { LayerInput } from "../../calibrate/layer-input.js";
import type { ChannelSlices } from "../../graph/channel-pairs.js";
import { Graph, intAttributeOf, type Use } from "../../graph/graph.js";
import { ownFloats } from "../../graph/own-floats.js";
import type { NodeProto } from "../../onnx/proto/onnx_pb.js";
import type { OnnxModel } from "../../onnx/read.js";
import { encodeTensor, shapeOf } from "../../onnx/tensor-proto.js";
import type { ModelProcess } from "../../runtime/model-process.js";
import { elementCount } from "../../tensor.js";
import { type CollectOptions, collectStatistics } from "../collect-statistics.js";
import { ScaledWeights } from "./scaled-weights.js";

/** A normalized tensor and the matrix products that read it. */
interface Normalized {
  readonly tensor: string;
  readonly columns: number;
  readonly products: readonly { readonly use: Use; readonly slices: ChannelSlices }[];
  /** Scale and bias of the normalization, where it may be rescaled because nothing else reads the tensor. */
  readonly parameters: readonly string[] | undefined;
}

/**
 * Moves what makes activations hard to quantize into the weights: divides each channel of a normalized tensor by
 * s = max|x|^alpha / max|w|^(1 - alpha), and multiplies the rows of the weights that read it by the same. The model
 * computes the same function. The division goes into scale and bias of the normalization, or where other nodes read the
 * tensor too, into a Mul of its own.
 * G. Xiao, J. Lin, M. Seznec, H. Wu, J. Demouth, S. Han: SmoothQuant: Accurate and Efficient Post-Training Quantization for
 * Large Language Models, ICML 2023.
 *
 * @param alpha how much is moved, 0 to 1
 * @returns how many tensors were divided
 * @throws ModelFormatError DATA_MISMATCH when the data does not fit the model
 */
export async function smoothActivations(
  models: ModelProcess,
  model: OnnxModel,
  alpha: number,
  options: Omit<CollectOptions, "gram">,
): Promise<number> {
  const graph = new Graph(model);
  const found = graph.allNodes().flatMap((node) => normalized(graph, node) ?? []);
  if (found.length === 0) return 0;
  const inputs = new Map<string, LayerInput>(
    found.map(({ tensor, columns }) => [tensor, { tensor, columns }]),
  );
  const largest = new Map<string, Float32Array>();
  for await (const [tensor, statistics] of collectStatistics(models, model, inputs, {
    ...options,
    gram: false,
  }))
    largest.set(tensor, statistics.largest);
  const weights = new ScaledWeights(graph);
  let smoothed = 0;
  for (const each of found) {
    const seen = largest.get(each.tensor);
    if (!seen) continue;
    smooth(graph, weights, each, factorsOf(weights, each, seen, alpha));
    smoothed++;
  }
  weights.store();
  graph.commit();
  return smoothed;
}

function factorsOf(
  weights: ScaledWeights,
  { products }: Normalized,
  largest: Float32Array,
  alpha: number,
): Float64Array {
  const magnitudes = products.map(({ slices }) => weights.magnitudes(slices));
  return Float64Array.from(largest, (x, channel) => {
    const w = Math.max(...magnitudes.map((each) => each[channel]!));
    // A channel that is always zero, or that nothing reads, has nothing to move.
    return x > 0 && w > 0 ? x ** alpha / w ** (1 - alpha) : 1;
  });
}

function smooth(graph: Graph, weights: ScaledWeights, each: Normalized, factors: Float64Array): void {
  const { tensor, columns, products, parameters } = each;
  const inverse = factors.map((factor) => 1 / factor);
  for (const { slices } of products) weights.scale(slices, factors);
  if (parameters) {
    for (const weight of parameters)
      weights.scale({ weight, outer: 1, channels: columns, inner: 1 }, inverse);
    return;
  }
  const [factor, output] = [graph.freeName(`${tensor}_smoothing`), graph.freeName(`${tensor}_smoothed`)];
  graph.addInitializer(encodeTensor(factor, "float32", [columns], Float32Array.from(inverse)));
  graph.addNode("Mul", [tensor, factor], [output], { name: graph.freeName(`${tensor}_Smooth`) });
  for (const { use } of products) graph.setInput(use, output);
}

/** A LayerNormalization, or the last operator of one in parts, in front of matrix products whose weights are their own. */
function normalized(graph: Graph, node: NodeProto): Normalized | undefined {
  const own = parametersOf(graph, node);
  const tensor = node.output[0];
  if (!own || tensor === undefined) return undefined;
  const columns = elementCount(shapeOf(graph.initializer(own[0]!)!));
  const uses = graph.consumers(tensor);
  const products = uses.flatMap((use) => {
    const slices = rowsRead(graph, use, columns);
    return slices ? [{ use, slices }] : [];
  });
  if (products.length === 0) return undefined;
  // A node that asks only for the shape does not see the values.
  const others = uses.filter(({ node: reader }) => reader.opType !== "Shape").length > products.length;
  const folds =
    !others && graph.isInternal(tensor) && own.every((name) => ownFloats(graph, name) !== undefined);
  return { tensor, columns, products, parameters: folds ? own : undefined };
}

/** Constants that each channel of a normalized tensor is multiplied by and moved by, in this order. */
function parametersOf(graph: Graph, node: NodeProto): string[] | undefined {
  const isVector = (name: string | undefined): name is string => {
    const stored = name === undefined ? undefined : graph.initializer(name);
    return stored !== undefined && elementCount(shapeOf(stored)) === Number(stored.dims.at(-1));
  };
  if (node.opType === "LayerNormalization") {
    if (intAttributeOf(node, "axis", -1) !== -1) return undefined;
    const parameters = node.input.slice(1).filter((name) => name !== "");
    return parameters.every(isVector) ? parameters : undefined;
  }
  if (node.opType !== "Add") return undefined;
  const bias = node.input.find(isVector);
  const scaled = node.input.find((name) => graph.producer(name)?.opType === "Mul");
  const multiply = scaled === undefined ? undefined : graph.producer(scaled);
  const scale = multiply?.input.find(isVector);
  const divide = multiply?.input.map((name) => graph.producer(name)).find((each) => each?.opType === "Div");
  if (!bias || !scale || !divide || scaled === undefined) return undefined;
  if (graph.consumers(scaled).length !== 1 || !graph.isInternal(scaled)) return undefined;
  const same =
    elementCount(shapeOf(graph.initializer(bias)!)) === elementCount(shapeOf(graph.initializer(scale)!));
  return same ? [scale, bias] : undefined;
}

/** The rows of a weight, one per column of the tensor that it multiplies; undefined where they cannot be scaled. */
function rowsRead(graph: Graph, { node, index }: Use, columns: number): ChannelSlices | undefined {
  const weight = node.input[1];
  const stored = index === 0 && weight ? ownFloats(graph, weight) : undefined;
  if (!weight || !stored) return undefined;
  const shape = shapeOf(stored);
  if (shape.length !== 2) return undefined;
  const [height, width] = shape as [number, number];
  if (node.opType === "MatMul" && height === columns)
    return { weight, outer: 1, channels: columns, inner: width };
  if (node.opType !== "Gemm" || intAttributeOf(node, "transA", 0) !== 0) return undefined;
  if (intAttributeOf(node, "transB", 0) === 0)
    return height === columns ? { weight, outer: 1, channels: columns, inner: width } : undefined;
  return width === columns ? { weight, outer: height, channels: columns, inner: 1 } : undefined;
}
