import type { LayerInput } from "../../calibrate/layer-input.js";
import type { LayerStatistics } from "../../calibrate/layer-statistics.js";
import type { Graph } from "../../graph/graph.js";
import { type ResolvedLayout, resolveLayout } from "../../quantize/blockwise-layout.js";
import type { ModelProcess } from "../../runtime/model-process.js";
import { type Anchor, anchorOf } from "../anchors.js";
import { type CollectOptions, collectStatistics } from "../collect-statistics.js";
import type { SparedReason } from "../exclude-nodes.js";
import { layerInputOf } from "../layer-input.js";
import { roundLayer } from "../repair/round-layer.js";
import { weightRows } from "../repair/weight-rows.js";
import { nameOf } from "../select-nodes.js";
import type { BlockSettings } from "./block-options.js";
import type { BlockQuantizer } from "./block-quantizer.js";
import { headOf } from "./head-of.js";
import { isProduct } from "./is-product.js";

/** Steps that were chosen before the model is written. */
interface ChosenSteps {
  readonly bits: 4 | 8;
  readonly packed: Uint8Array;
}

/**
 * A block quantizer that takes scales and zero points from another and rounds the weights to them by what calibration saw
 * of each product's input: see `roundLayer`. The steps are chosen here, and kept until the model is written. A weight that
 * several nodes read, and embeddings, are as the other quantizer makes them.
 *
 * @returns the quantizer, and for how many products it has steps
 * @throws ModelFormatError DATA_MISMATCH when the data does not fit the model
 */
export async function compensatedBlocks(
  models: ModelProcess,
  graph: Graph,
  settings: BlockSettings,
  spared: SparedReason,
  base: BlockQuantizer,
  options: Omit<CollectOptions, "gram">,
): Promise<{ quantizer: BlockQuantizer; products: number }> {
  const anchors = new Map<string, Anchor>();
  const inputs = new Map<string, LayerInput>();
  for (const node of graph.allNodes()) {
    const anchor = isProduct(node) && spared(node) === undefined ? anchorOf(graph, node) : undefined;
    if (anchor === undefined || typeof anchor === "string" || anchor.weight === undefined) continue;
    const input = layerInputOf(graph, anchor);
    if (!input || graph.consumers(anchor.weight).length !== 1 || !graph.isInternal(anchor.weight)) continue;
    anchors.set(nameOf(node), anchor);
    inputs.set(nameOf(node), input);
  }
  const head = headOf(graph);
  const chosen = new Map<string, ChosenSteps>();
  for await (const [name, statistics] of collectStatistics(models, graph.model, inputs, {
    ...options,
    gram: true,
  })) {
    const anchor = anchors.get(name)!;
    const bits = (anchor.node === head ? Math.max(settings.bits, settings.headBits) : settings.bits) as 4 | 8;
    chosen.set(anchor.weight!, { bits, packed: stepsOf(graph, anchor, statistics, settings, bits, base) });
  }
  const quantizer: BlockQuantizer = (input, out) => {
    base(input, out);
    const steps = chosen.get(input.source);
    if (steps && steps.bits === input.layout.bits) out.packed.set(steps.packed);
  };
  return { quantizer, products: chosen.size };
}

function stepsOf(
  graph: Graph,
  anchor: Anchor,
  statistics: LayerStatistics,
  { blockSize, symmetric }: BlockSettings,
  bits: 4 | 8,
  base: BlockQuantizer,
): Uint8Array {
  const { values, outputs, columns } = weightRows(graph, anchor);
  const matrix = { rows: columns, cols: outputs, blockSize, bits, transposed: true };
  const layout = resolveLayout(matrix);
  const zeroPoints = symmetric ? undefined : new Uint8Array(layout.zeroPoints);
  const arrays = {
    packed: new Uint8Array(layout.packed),
    scales: new Float32Array(layout.scales),
    ...(zeroPoints && { zeroPoints }),
  };
  const weight = anchor.weight!;
  base({ weight, source: weight, values, layout: matrix }, arrays);
  const steps = roundLayer(values, columns, statistics, {
    scales: arrays.scales,
    zeroPoints: pointsOf(zeroPoints, layout),
    blockSize: Math.min(blockSize, columns),
    min: 0,
    max: 2 ** bits - 1,
  });
  return packed(steps, layout);
}

/** The zero point of every block as a number; the middle step where there are none. */
function pointsOf(packed: Uint8Array | undefined, { scales, cols, bits }: ResolvedLayout): Int32Array {
  const points = new Int32Array(scales).fill(2 ** (bits - 1));
  if (!packed) return points;
  const [blocks, stride] = [scales / cols, packed.length / cols];
  return points.map((_, i) => stepAt(packed, Math.floor(i / blocks) * stride, i % blocks, bits));
}

function stepAt(packed: Uint8Array, from: number, index: number, bits: 4 | 8): number {
  if (bits === 8) return packed[from + index]!;
  return (packed[from + (index >> 1)]! >> (index & 1 ? 4 : 0)) & 15;
}

/** Steps in rows as MatMulNBits holds them: with room for whole blocks, two of 4 bits in a byte. */
function packed(steps: Uint8Array | Int8Array, { rows, cols, bits, ...layout }: ResolvedLayout): Uint8Array {
  const out = new Uint8Array(layout.packed);
  const stride = layout.packed / cols;
  for (let col = 0, at = 0; col < cols; col++)
    for (let row = 0; row < rows; row++, at++)
      if (bits === 8) out[col * stride + row] = steps[at]!;
      else out[col * stride + (row >> 1)]! |= steps[at]! << (row & 1 ? 4 : 0);
  return out;
}
