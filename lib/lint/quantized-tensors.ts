import type { Graph } from "../graph/graph.js";
import { TensorProto_DataType as DataType, type NodeProto, type TensorProto } from "../onnx/proto/onnx_pb.js";

/** The scale and zero point that a QuantizeLinear or DequantizeLinear applies. */
export interface Parameters {
  readonly node: NodeProto;
  /** Of the stored integers; undefined where the model does not say. */
  readonly dataType: number | undefined;
  readonly scale: TensorProto | undefined;
  readonly zeroPoint: TensorProto | undefined;
}

/** What brought a tensor back from integers; undefined for one that was float all along. */
export function dequantizerOf(graph: Graph, tensor: string): Parameters | undefined {
  const node = graph.producer(tensor);
  return node?.opType === "DequantizeLinear" ? parametersOf(graph, node) : undefined;
}

/** The readers of a tensor that quantize it. */
export function quantizersOf(graph: Graph, tensor: string): Parameters[] {
  const nodes = graph
    .consumers(tensor)
    .filter(({ node, index }) => node.opType === "QuantizeLinear" && index === 0);
  return nodes.map(({ node }) => parametersOf(graph, node));
}

function parametersOf(graph: Graph, node: NodeProto): Parameters {
  const [values, scale, zeroPoint] = node.input;
  const zero = zeroPoint ? graph.initializer(zeroPoint) : undefined;
  const stored = node.opType === "DequantizeLinear" ? graph.initializer(values!)?.dataType : undefined;
  // Without a zero point the standard says uint8.
  const dataType = zero?.dataType ?? stored ?? (zeroPoint ? graph.elementType(zeroPoint) : DataType.UINT8);
  return { node, dataType, scale: scale ? graph.initializer(scale) : undefined, zeroPoint: zero };
}

/** One scale for the whole tensor. */
export function isPerTensor({ scale }: Parameters): boolean {
  return scale === undefined || scale.dims.reduce((product, size) => product * size, 1n) === 1n;
}

/** True for the types that onnxruntime has integer kernels for. */
export function isEightBit({ dataType }: Parameters): boolean {
  return dataType === DataType.UINT8 || dataType === DataType.INT8;
}

/** True where both apply the same scale and zero point, so that integers may pass unchanged. */
export function sameParameters(graph: Graph, a: Parameters, b: Parameters): boolean {
  if (a.dataType !== b.dataType) return false;
  return sameValues(graph, a.scale, b.scale) && sameValues(graph, a.zeroPoint, b.zeroPoint);
}

function sameValues(graph: Graph, a: TensorProto | undefined, b: TensorProto | undefined): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  const [x, y] = [graph.model.tensor(a).data, graph.model.tensor(b).data];
  return x.length === y.length && x.every((value: number | bigint, index: number) => value === y[index]);
}
