import { deferTensor } from "../onnx/deferred.js";
import { TensorProto_DataType as DataType, type NodeProto, type TensorProto } from "../onnx/proto/onnx_pb.js";
import { isStandard } from "../onnx/standard-set.js";
import { encodeTensor, shapeOf } from "../onnx/tensor-proto.js";
import { type Affine, affineOf } from "./affine.js";
import { type Graph, intsAttributeOf, type Use } from "./graph.js";

/** A convolution, and what is to become of it: weight[m] times factors[m], with another bias. */
interface Folding {
  readonly node: NodeProto;
  readonly weight: TensorProto;
  readonly factors: Float64Array;
  readonly bias: Float64Array;
  /** Nodes that went into it. */
  folded: number;
}

/**
 * Takes multiplications and additions of constants into the convolutions before and behind them: learned scales and
 * shifts, and steps of activation functions, that onnxruntime's optimisation leaves. The model computes the same with
 * fewer nodes, each of which would be a rounding of its own in integers. Tensors keep their names where they stay.
 *
 * @returns how many nodes went
 */
export function foldAffine(graph: Graph): number {
  let folded = 0;
  for (const node of graph.allNodes()) {
    const folding = foldingOf(graph, node);
    if (!folding) continue;
    foldBehind(graph, folding);
    foldBefore(graph, folding);
    if (folding.folded > 0) store(graph, folding);
    folded += folding.folded;
  }
  if (folded > 0) graph.commit();
  return folded;
}

function foldingOf(graph: Graph, node: NodeProto): Folding | undefined {
  if (node.opType !== "Conv" || !isStandard(node)) return undefined;
  const [, weightName = "", biasName = ""] = node.input;
  const weight = graph.initializer(weightName);
  const bias = graph.initializer(biasName);
  if (weight?.dataType !== DataType.FLOAT || (biasName !== "" && bias?.dataType !== DataType.FLOAT))
    return undefined;
  // Another reader goes on using the weight as it is.
  if (graph.consumers(weightName).length !== 1 || !graph.isInternal(weightName)) return undefined;
  const [channels = 0] = shapeOf(weight);
  const values = bias ? Float64Array.from(floatsOf(graph, bias)) : new Float64Array(channels);
  if (values.length !== channels) return undefined;
  return { node, weight, factors: new Float64Array(channels).fill(1), bias: values, folded: 0 };
}

/** What reads nothing but the convolution goes into its output channels. */
function foldBehind(graph: Graph, folding: Folding): void {
  const { node, weight, factors, bias } = folding;
  for (;;) {
    const output = node.output[0]!;
    const reader = soleReader(graph, output);
    const affine = reader && affineOf(graph, reader.node, weight.dims.length, bias.length);
    if (!affine) return;
    for (let channel = 0; channel < bias.length; channel++) {
      const [factor, term] = [at(affine.factor, channel), at(affine.term, channel)];
      factors[channel]! *= factor;
      bias[channel] = factor * bias[channel]! + term;
    }
    graph.removeNode(affine.node);
    graph.setOutput(node, 0, affine.node.output[0]!);
    folding.folded++;
  }
}

/** What only the convolution reads, and is the same for all channels, goes into its whole weight. */
function foldBefore(graph: Graph, folding: Folding): void {
  const { node, factors, bias } = folding;
  const use = { node, index: 0 };
  const sums = isPadded(node) ? undefined : channelSums(graph, folding);
  for (let affine = affineBefore(graph, use, folding); affine; affine = affineBefore(graph, use, folding)) {
    const [factor, term] = [at(affine.factor, 0), at(affine.term, 0)];
    // Zeros around the input come after the term, which therefore has to stay where there are any.
    if (term !== 0 && !sums) {
      foldThrough(graph, folding, affine);
      return;
    }
    for (let channel = 0; channel < bias.length; channel++) {
      if (sums) bias[channel]! += term * sums[channel]!;
      if (sums) sums[channel]! *= factor;
      factors[channel]! *= factor;
    }
    bypass(graph, use, affine, folding);
  }
}

/** factor x + term = factor (x + term / factor): a factor goes past a term that has to stay. */
function foldThrough(graph: Graph, folding: Folding, { node, constantAt }: Affine): void {
  const use = { node, index: 1 - constantAt };
  const constant = node.input[constantAt]!;
  let moved = 1;
  for (let affine = affineBefore(graph, use, folding); affine; affine = affineBefore(graph, use, folding)) {
    if (at(affine.term, 0) !== 0) break;
    moved *= at(affine.factor, 0);
    bypass(graph, use, affine, folding);
  }
  if (moved === 1) return;
  const [value = 0] = floatsOf(graph, graph.initializer(constant)!);
  const name = graph.freeName(`${constant}_folded`);
  graph.addInitializer(encodeTensor(name, "float32", [], Float32Array.of(value / moved)));
  graph.setInput({ node, index: constantAt }, name);
  for (let channel = 0; channel < folding.factors.length; channel++) folding.factors[channel]! *= moved;
}

/** What makes the tensor that a node reads, where it is the same for all channels and nothing else reads it. */
function affineBefore(graph: Graph, { node, index }: Use, { weight }: Folding): Affine | undefined {
  const tensor = node.input[index]!;
  const rank = weight.dims.length;
  const maker = graph.producer(tensor);
  const affine = maker && soleReader(graph, tensor) ? affineOf(graph, maker, rank, 1) : undefined;
  // A constant may give a tensor the dimensions that the convolution needs.
  const isFlat = affine && graph.initializer(affine.node.input[affine.constantAt]!)!.dims.length <= 1;
  return affine && (isFlat || graph.rank(affine.input) === rank) ? affine : undefined;
}

function bypass(graph: Graph, use: Use, { node, input }: Affine, folding: Folding): void {
  graph.setInput(use, input);
  graph.removeNode(node);
  folding.folded++;
}

function soleReader(graph: Graph, tensor: string): Use | undefined {
  const [use, ...others] = graph.consumers(tensor);
  return others.length === 0 && graph.isInternal(tensor) ? use : undefined;
}

/** The sum of the weights of each output channel, as it is to become. */
function channelSums(graph: Graph, { weight, factors }: Folding): Float64Array {
  const values = floatsOf(graph, weight);
  const size = values.length / factors.length;
  return factors.map((factor, channel) => {
    let sum = 0;
    for (let i = channel * size; i < (channel + 1) * size; i++) sum += values[i]!;
    return factor * sum;
  });
}

/** New names, because what is stored under the old ones is something else. */
function store(graph: Graph, { node, weight, factors, bias }: Folding): void {
  const name = graph.freeName(`${weight.name}_folded`);
  const scaled = deferTensor(name, "float32", shapeOf(weight), (out) => {
    const values = floatsOf(graph, weight);
    const size = values.length / factors.length;
    for (let i = 0; i < values.length; i++) out[i] = values[i]! * factors[Math.floor(i / size)]!;
  });
  graph.addInitializer(scaled);
  graph.setInput({ node, index: 1 }, name);
  const biasName = graph.freeName(node.input[2] ? `${node.input[2]}_folded` : `${node.output[0]}_bias`);
  graph.addInitializer(encodeTensor(biasName, "float32", [bias.length], Float32Array.from(bias)));
  graph.addInput(node, 2, biasName);
}

function isPadded(node: NodeProto): boolean {
  const mode = node.attribute.find(({ name }) => name === "auto_pad");
  const auto = mode === undefined ? "NOTSET" : Buffer.from(mode.s).toString();
  return auto.startsWith("SAME") || intsAttributeOf(node, "pads").some((pad) => pad !== 0);
}

function floatsOf(graph: Graph, stored: TensorProto): Float32Array {
  return graph.model.tensor(stored).data as Float32Array;
}

/** The value of a channel, of one value for each or for all. */
function at(values: readonly number[], channel: number): number {
  return values[values.length === 1 ? 0 : channel]!;
}
