import type { Graph } from "../graph/graph.js";
import { encodeTensor } from "../onnx/tensor-proto.js";
import type { ActivationParams } from "./activation-params.js";
import { isQuantizedUse, type PlannedActivation } from "./activation-plan.js";
import { quantizeDomain } from "./quantize-domain.js";
import type { Selection } from "./select-nodes.js";
import type { ZeroPoints } from "./zero-points.js";

/** Names of initializers, and whose operators read them. */
interface Stored {
  readonly scale: string;
  readonly zeroPoint: string;
  readonly domain: string;
}

/**
 * Puts QuantizeLinear and DequantizeLinear behind each planned tensor. Before and after these it has the names by which
 * onnxruntime's debugger (qdq_loss_debug) finds it.
 */
export function insertActivations(
  graph: Graph,
  activations: Iterable<PlannedActivation>,
  params: ReadonlyMap<string, ActivationParams>,
  selection: Selection,
  zeroPoints: ZeroPoints,
): void {
  const known = new Map<string, Stored>();
  for (const { tensor, rangeOf, whole } of activations) {
    const stored = known.get(rangeOf) ?? storeParams(graph, rangeOf, params.get(rangeOf)!, zeroPoints);
    known.set(rangeOf, stored);
    insertPair(graph, tensor, whole, stored, selection);
  }
}

function storeParams(
  graph: Graph,
  tensor: string,
  { scale, zeroPoint, dtype }: ActivationParams,
  zeroPoints: ZeroPoints,
): Stored {
  const names = {
    domain: quantizeDomain(graph, dtype),
    scale: graph.freeName(`${tensor}_scale`),
    zeroPoint: zeroPoints.of(dtype, zeroPoint),
  };
  graph.addInitializer(encodeTensor(names.scale, "float32", [], Float32Array.of(scale)));
  return names;
}

function insertPair(
  graph: Graph,
  tensor: string,
  whole: boolean,
  { scale, zeroPoint, domain }: Stored,
  selection: Selection,
): void {
  const uses = [...graph.consumers(tensor)];
  const quantized = graph.freeName(`${tensor}_quantized`);
  let source = tensor;
  let dequantized = graph.freeName(`${tensor}_DequantizeLinear_Output`);
  if (whole && graph.outputs.has(tensor)) {
    // The model's output keeps its name, so the node before it gives up its own.
    source = graph.freeName(`${tensor}_QuantizeLinear_Input`);
    dequantized = tensor;
    graph.setOutput(graph.producer(tensor)!, 0, source);
  }
  for (const use of uses) if (whole || isQuantizedUse(use, selection)) graph.setInput(use, dequantized);
  graph.addNode("QuantizeLinear", [source, scale, zeroPoint], [quantized], { domain });
  graph.addNode("DequantizeLinear", [quantized, scale, zeroPoint], [dequantized], { domain });
}
