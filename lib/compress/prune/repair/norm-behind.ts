import { floatAttributeOf, type Graph, intAttributeOf } from "../../../graph/graph.js";
import { TensorProto_DataType as DataType, type NodeProto } from "../../../onnx/proto/onnx_pb.js";
import { isStandard } from "../../../onnx/standard-set.js";
import { encodeTensor } from "../../../onnx/tensor-proto.js";

const EPSILON = 1e-5;
/** Places among the inputs of a BatchNormalization. */
const SCALE = 1;
const MEAN = 3;
const VARIANCE = 4;

/** The BatchNormalization that is all that reads a tensor, with statistics that are constants. */
export function normBehind(graph: Graph, tensor: string): NodeProto | undefined {
  const [use, ...others] = graph.consumers(tensor);
  if (!use || others.length > 0 || !graph.isInternal(tensor) || use.index !== 0) return undefined;
  const { node } = use;
  const isNorm =
    isStandard(node) &&
    node.opType === "BatchNormalization" &&
    intAttributeOf(node, "training_mode", 0) === 0 &&
    node.input.slice(SCALE).every((name) => graph.initializer(name)?.dataType === DataType.FLOAT);
  return isNorm ? node : undefined;
}

/** By what a BatchNormalization multiplies each channel. */
export function normFactors(graph: Graph, norm: NodeProto): Float64Array {
  const [scale, variance] = [constant(graph, norm, SCALE), constant(graph, norm, VARIANCE)];
  const epsilon = floatAttributeOf(norm, "epsilon", EPSILON);
  return Float64Array.from(scale, (value, i) => value / Math.sqrt(variance[i]! + epsilon));
}

/** Makes a BatchNormalization do what it did to factor x + shift, for each channel x. */
export function shiftNorm(graph: Graph, norm: NodeProto, factors: Float64Array, shifts: Float64Array): void {
  const [mean, variance] = [constant(graph, norm, MEAN), constant(graph, norm, VARIANCE)];
  const epsilon = floatAttributeOf(norm, "epsilon", EPSILON);
  replace(graph, norm, MEAN, (i) => (mean[i]! - shifts[i]!) / factors[i]!);
  replace(graph, norm, VARIANCE, (i) =>
    Math.max(0, (variance[i]! + epsilon) / (factors[i]! * factors[i]!) - epsilon),
  );
}

function constant(graph: Graph, norm: NodeProto, index: number): Float32Array {
  return graph.model.tensor(graph.initializer(norm.input[index]!)!).data as Float32Array;
}

/** Another BatchNormalization may read the same statistics, so that new ones get a name of their own. */
function replace(graph: Graph, norm: NodeProto, index: number, value: (channel: number) => number): void {
  const before = norm.input[index]!;
  const values = Float32Array.from(constant(graph, norm, index), (_, i) => value(i));
  const name = graph.freeName(`${before}_repaired`);
  graph.addInitializer(encodeTensor(name, "float32", [values.length], values));
  graph.setInput({ node: norm, index }, name);
}
