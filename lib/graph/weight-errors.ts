import { signalToNoise } from "../calibrate/rounding-error.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import { shapeOf } from "../onnx/tensor-proto.js";
import { dequantizeLinear } from "../quantize/dequantize-linear.js";
import type { Graph } from "./graph.js";
import { intAttributeOf } from "./graph.js";

const SUFFIX = "_quantized";
/** Types of which every value has a byte of its own or more. */
const STORED_TYPES = new Set(["int8", "uint8", "int16", "uint16", "int32"]);

export interface WeightError {
  name: string;
  /** 20 log10(|weight| / |weight - its quantized form|), as in onnxruntime's debugger. */
  sqnrDb: number;
}

/** How far each stored tensor of a quantized model, behind its DequantizeLinear, is from the float one of the same name. */
export function weightErrors(reference: Graph, candidate: Graph): WeightError[] {
  const errors = new Map<string, WeightError>();
  for (const node of candidate.allNodes()) {
    if (node.opType !== "DequantizeLinear") continue;
    const [stored = ""] = node.input;
    const name = stored.endsWith(SUFFIX) ? stored.slice(0, -SUFFIX.length) : stored;
    const weight = reference.initializer(name);
    const values = candidate.initializer(stored) && dequantized(candidate, node);
    if (!weight || !values || errors.has(name)) continue;
    const { dtype, data } = reference.model.tensor(weight);
    if (dtype !== "float32" || data.length !== values.length) continue;
    let [signal, noise] = [0, 0];
    const floats = data as Float32Array;
    for (let i = 0; i < floats.length; i++) {
      const error = floats[i]! - values[i]!;
      signal += floats[i]! * floats[i]!;
      noise += error * error;
    }
    errors.set(name, { name, sqnrDb: signalToNoise(signal, noise) });
  }
  return [...errors.values()];
}

/** Undefined where scales are not constants, or the type has less than a byte. */
function dequantized(graph: Graph, node: NodeProto): Float32Array | undefined {
  const [q, scale, zeroPoint] = node.input.map((name) => {
    const stored = graph.initializer(name);
    return stored && { stored, ...graph.model.tensor(stored) };
  });
  if (!q || !STORED_TYPES.has(q.dtype) || scale?.dtype !== "float32") return undefined;
  const scales = scale.data as Float32Array;
  const zeroPoints = zeroPoint ? Int32Array.from(zeroPoint.data as ArrayLike<number>) : undefined;
  const data = q.data as Int8Array;
  if (scales.length === 1)
    return dequantizeLinear(data, { scale: scales[0]!, zeroPoint: zeroPoints?.[0] ?? 0 });
  const shape = shapeOf(q.stored);
  const axis = intAttributeOf(node, "axis", 1);
  const blockSize = intAttributeOf(node, "block_size", 0);
  return dequantizeLinear(data, {
    scale: scales,
    ...(zeroPoints && { zeroPoint: zeroPoints }),
    shape,
    axis,
    ...(blockSize > 0 && { blockSize }),
  });
}
