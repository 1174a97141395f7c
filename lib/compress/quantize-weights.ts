import type { Graph } from "../graph/graph.js";
import type { Anchor } from "./anchors.js";
import type { QuantizeSettings } from "./options.js";
import { weightAxis } from "./quantize-static.js";
import { WeightStore } from "./weight-store.js";

/** Stores weights in 8 bits behind DequantizeLinear; arithmetic stays float. Returns the nodes whose weight it changed. */
export function quantizeWeights(
  graph: Graph,
  anchors: Iterable<Anchor>,
  settings: QuantizeSettings,
): Anchor[] {
  const weights = new WeightStore(graph, settings);
  const changed = [...anchors].filter(({ weight }) => weight !== undefined);
  for (const anchor of changed) {
    const dequantized = weights.dequantized(anchor.weight!, weightAxis(graph, anchor, settings));
    graph.setInput({ node: anchor.node, index: 1 }, dequantized);
  }
  return changed;
}
