import type { Graph } from "../graph/graph.js";
import { encodeTensor } from "../onnx/tensor-proto.js";
import type { QuantParams } from "../quantize/compute-quant-params.js";
import { isQuantizedUse, type PlannedActivation } from "./activation-plan.js";
import type { QuantizeSettings } from "./options.js";
import type { Selection } from "./select-nodes.js";

/** Puts QuantizeLinear and DequantizeLinear behind each planned tensor, with onnxruntime's names. */
export function insertActivations(
  graph: Graph,
  activations: Iterable<PlannedActivation>,
  params: ReadonlyMap<string, QuantParams>,
  selection: Selection,
  settings: QuantizeSettings,
): void {
  const stored = new Map<string, { scale: string; zeroPoint: string }>();
  for (const { tensor, rangeOf, whole } of activations) {
    let names = stored.get(rangeOf);
    if (!names) {
      names = storeParams(graph, rangeOf, params.get(rangeOf)!, settings);
      stored.set(rangeOf, names);
    }
    insertPair(graph, tensor, whole, names, selection);
  }
}

function storeParams(
  graph: Graph,
  tensor: string,
  { scale, zeroPoint }: QuantParams,
  { activations: dtype }: QuantizeSettings,
): { scale: string; zeroPoint: string } {
  const names = {
    scale: graph.freeName(`${tensor}_scale`),
    zeroPoint: graph.freeName(`${tensor}_zero_point`),
  };
  const zeroPoints = dtype === "int8" ? Int8Array.of(zeroPoint) : Uint8Array.of(zeroPoint);
  graph.addInitializer(encodeTensor(names.scale, "float32", [], Float32Array.of(scale)));
  graph.addInitializer(encodeTensor(names.zeroPoint, dtype, [], zeroPoints));
  return names;
}

function insertPair(
  graph: Graph,
  tensor: string,
  whole: boolean,
  { scale, zeroPoint }: { scale: string; zeroPoint: string },
  selection: Selection,
): void {
  const uses = [...graph.consumers(tensor)];
  const quantized = graph.freeName(`${tensor}_QuantizeLinear_Output`);
  let source = tensor;
  let dequantized = graph.freeName(`${tensor}_DequantizeLinear_Output`);
  if (whole && graph.outputs.has(tensor)) {
    // The model's output keeps its name, so the node before it gives up its own.
    source = graph.freeName(`${tensor}_QuantizeLinear_Input`);
    dequantized = tensor;
    graph.setOutput(graph.producer(tensor)!, 0, source);
  }
  for (const use of uses) if (whole || isQuantizedUse(use, selection)) graph.setInput(use, dequantized);
  graph.addNode("QuantizeLinear", [source, scale, zeroPoint], [quantized], {
    name: graph.freeName(`${tensor}_QuantizeLinear`),
  });
  graph.addNode("DequantizeLinear", [quantized, scale, zeroPoint], [dequantized], {
    name: graph.freeName(`${tensor}_DequantizeLinear`),
  });
}
