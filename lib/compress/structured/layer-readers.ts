import type { LayerInput } from "../../calibrate/layer-input.js";
import type { Axes, WeightAxis } from "../../graph/channels/axes.js";
import { setsOf } from "../../graph/channels/channel-groups.js";
import { intAttributeOf } from "../../graph/graph.js";
import { shapeOf } from "../../onnx/tensor-proto.js";
import { elementCount } from "../../tensor.js";
import { type Anchor, anchorOf } from "../anchors.js";
import { layerInputOf } from "../layer-input.js";
import { biasUse } from "../repair/add-to-bias.js";
import { weightRows } from "../repair/weight-rows.js";

/** A layer that reads channels, as the product of rows of its input and its weight. */
export interface LayerReader {
  readonly name: string;
  readonly anchor: Anchor;
  readonly input: LayerInput;
  /** The set of channels that each column of the rows belongs to. */
  readonly columnSets: Int32Array;
  /** The constant that is added to its outputs, where it is its own. */
  readonly bias: string | undefined;
}

/**
 * The readers whose inputs can be observed in calibration: weights of a single Conv without groups, Gemm or MatMul.
 * A bias that other nodes use too is as good as none.
 */
export function layerReaders(axes: Axes, readers: readonly WeightAxis[]): LayerReader[] {
  return readers.flatMap((reader) => layerReader(axes, reader) ?? []);
}

function layerReader(axes: Axes, reader: WeightAxis): LayerReader | undefined {
  const { graph } = axes;
  const { node, weight } = reader;
  const anchor = anchorOf(graph, node);
  if (typeof anchor === "string" || anchor.weight !== weight || !isOwn(axes, weight)) return undefined;
  if (node.opType === "Conv" ? intAttributeOf(node, "group", 1) !== 1 : anchor.axis === undefined)
    return undefined;
  const input = layerInputOf(graph, anchor);
  if (!input) return undefined;
  const sets = setsOf(axes, reader);
  const perChannel = input.columns / sets.length;
  if (!Number.isInteger(perChannel)) return undefined;
  const outputs = elementCount(shapeOf(graph.initializer(weight)!)) / input.columns;
  return {
    name: `${node.name}:${node.output[0]}`,
    anchor,
    input,
    columnSets: Int32Array.from({ length: input.columns }, (_, c) => sets[Math.floor(c / perChannel)]!),
    bias: ownBias(axes, anchor, outputs),
  };
}

function ownBias(axes: Axes, anchor: Anchor, outputs: number): string | undefined {
  const { graph } = axes;
  const use = biasUse(graph, anchor);
  const bias = use?.node.input[use.index];
  if (!bias || !isOwn(axes, bias)) return undefined;
  return elementCount(shapeOf(graph.initializer(bias)!)) === outputs ? bias : undefined;
}

function isOwn({ graph }: Axes, name: string): boolean {
  return (
    graph.initializer(name) !== undefined && graph.consumers(name).length === 1 && graph.isInternal(name)
  );
}

/** The weight of a reader, one row of `columns` values per output. */
export function rowsOf({ graph }: Axes, { anchor }: LayerReader): Float32Array {
  return weightRows(graph, anchor).values;
}
