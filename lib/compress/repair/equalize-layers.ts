import { type ChannelPair, channelPairs } from "../../graph/channel-pairs.js";
import { Graph } from "../../graph/graph.js";
import type { OnnxModel } from "../../onnx/read.js";
import { ScaledWeights } from "./scaled-weights.js";

/** Rounds over all pairs; a chain of layers settles in a few. */
const ROUNDS = 20;
/** A round that changes no factor by more than this ends the work. */
const SETTLED = 1e-3;

export interface Equalization {
  /** Pairs of layers that were rescaled; 0 when the model did not need it. */
  pairs: number;
  /** Largest ratio of the widest channel to the median one in any layer of a pair. */
  spread: { before: number; after: number };
}

/**
 * Cross-layer equalization: moves scale between the channels of neighbouring layers until each channel uses the same
 * share of its tensor's range in both. The model computes the same function; per-tensor ranges then fit every channel.
 * Factor of channel i: s = sqrt(r1 r2) / r2, with r1 and r2 its largest weights in the first and second layer.
 * M. Nagel, M. van Baalen, T. Blankevoort, M. Welling: Data-Free Quantization Through Weight Equalization and Bias
 * Correction, ICCV 2019.
 *
 * @param threshold rescale only a model where some channel is this many times wider than the median one of its layer
 */
export function equalizeLayers(model: OnnxModel, threshold: number): Equalization {
  const graph = new Graph(model);
  const pairs = channelPairs(graph);
  const weights = new ScaledWeights(graph);
  const widest = () => Math.max(1, ...pairs.map((pair) => spreadOf(weights, pair)));
  const before = widest();
  if (before <= threshold) return { pairs: 0, spread: { before, after: before } };
  for (let round = 0; round < ROUNDS; round++) {
    const change = Math.max(...pairs.map((pair) => equalize(weights, pair)));
    if (change < SETTLED) break;
  }
  weights.store();
  graph.commit();
  return { pairs: pairs.length, spread: { before, after: widest() } };
}

/** How much wider the widest channel is than the median one, on the side where that is worse. */
function spreadOf(weights: ScaledWeights, { made, read }: ChannelPair): number {
  return Math.max(spread(weights.magnitudes(made)), spread(weights.magnitudes(read)));
}

function spread(magnitudes: Float64Array): number {
  const sorted = magnitudes.filter((value) => value > 0).sort();
  if (sorted.length === 0) return 1;
  return sorted[sorted.length - 1]! / sorted[sorted.length >> 1]!;
}

/** Rescales one pair; returns the largest change of any channel as |log s|. */
function equalize(weights: ScaledWeights, { made, read, bias }: ChannelPair): number {
  const first = weights.magnitudes(made);
  const second = weights.magnitudes(read);
  // A channel without weights on one side has nothing to balance.
  const factors = first.map((r1, i) => (r1 > 0 && second[i]! > 0 ? Math.sqrt(r1 / second[i]!) : 1));
  const inverse = factors.map((factor) => 1 / factor);
  weights.scale(made, inverse);
  if (bias !== undefined)
    weights.scale({ weight: bias, outer: 1, channels: factors.length, inner: 1 }, inverse);
  weights.scale(read, factors);
  return factors.reduce((max, factor) => Math.max(max, Math.abs(Math.log(factor))), 0);
}
