import type { LayerInput } from "../../calibrate/layer-input.js";
import type { LayerStatistics } from "../../calibrate/layer-statistics.js";
import type { NodeProto } from "../../onnx/proto/onnx_pb.js";
import { dequantizeLinear } from "../../quantize/dequantize-linear.js";
import { quantizeLinear } from "../../quantize/quantize-linear.js";
import { QUANTIZED_TYPES } from "../../quantize/quantized-type.js";
import type { ModelProcess } from "../../runtime/model-process.js";
import type { Anchor } from "../anchors.js";
import { type CollectOptions, collectStatistics } from "../collect-statistics.js";
import { layerInputOf } from "../layer-input.js";
import type { QuantizeOptions, QuantizeSettings } from "../options.js";
import { inputParams, type StaticDecisions, weightAxis } from "../quantize-static.js";
import { nameOf } from "../select-nodes.js";
import { canAddToBias } from "./add-to-bias.js";
import { centredGram } from "./centred-gram.js";
import { biasCorrection } from "./correct-bias.js";
import { roundLayer } from "./round-layer.js";
import { type WeightRows, weightRows } from "./weight-rows.js";

interface Repairs extends Pick<QuantizeOptions, "rounding"> {
  correctBias?: "analytical" | "empirical" | false | undefined;
}
type Decisions = Omit<StaticDecisions, "corrections">;

/**
 * Chooses the steps of weights with what calibration knows of the inputs of each layer, one layer after the other, into
 * the store of weights; what comes later finds them there. A weight that several nodes read is left alone: one set of
 * steps cannot suit them all.
 *
 * @returns what to add to the bias of each layer, and what was done, in plain words
 */
export async function repairLayers(
  models: ModelProcess,
  decisions: Decisions,
  { rounding = "nearest", correctBias = false }: Repairs,
  options: Omit<CollectOptions, "gram">,
): Promise<{ corrections: Map<NodeProto, Float32Array>; repairs: string[] }> {
  const { graph, plan, weights, settings } = decisions;
  const corrections = new Map<NodeProto, Float32Array>();
  const compensate = rounding === "compensated";
  if (!compensate && !correctBias) return { corrections, repairs: [] };
  const anchors = repairable(decisions);
  const inputs = new Map([...anchors].map(([name, { input }]) => [name, input]));
  let rounded = 0;
  for await (const [name, statistics] of collectStatistics(models, graph.model, inputs, {
    ...options,
    gram: compensate,
  })) {
    const { anchor } = anchors.get(name)!;
    const corrects = correctBias && canAddToBias(graph, plan, anchor);
    const rows = weightRows(graph, anchor);
    const axis = weightAxis(graph, anchor, settings);
    const grid = rowGrid(weights.params(anchor.weight!, axis), rows.outputs, settings);
    // What the bias makes good the weights need not.
    const gram = corrects ? centredGram(statistics) : statistics.gram;
    const products = { gram, rows: statistics.rows };
    const steps = compensate ? compensated(rows, products, grid) : nearest(rows, grid, settings);
    if (compensate) {
      weights.quantize(anchor.weight!, axis, rows.restore(steps));
      rounded++;
    }
    if (!corrects) continue;
    if (correctBias === "empirical") {
      // Something to correct, once the model is quantized.
      corrections.set(anchor.node, new Float32Array(rows.outputs));
      continue;
    }
    const quantized = dequantizeLinear(steps, perRow(rows, grid));
    corrections.set(anchor.node, biasCorrection(rows.values, quantized, rows.columns, statistics));
  }
  const repairs: string[] = [];
  if (rounded > 0) repairs.push(`rounded the weights of ${rounded} layers for small errors of their outputs`);
  if (corrections.size > 0)
    repairs.push(
      `corrected the biases of ${corrections.size} layers for what quantization takes from their means`,
    );
  return { corrections, repairs };
}

interface Repairable {
  readonly anchor: Anchor;
  readonly input: LayerInput;
}

function repairable(decisions: Decisions): Map<string, Repairable> {
  const { graph, selection } = decisions;
  const found = new Map<string, Repairable>();
  for (const anchor of selection.anchors.values()) {
    const input = layerInputOf(graph, anchor);
    if (!input || graph.consumers(anchor.weight!).length !== 1 || !graph.isInternal(anchor.weight!)) continue;
    const { dtype, scale, zeroPoint } = inputParams(decisions, anchor);
    const rounding = { dtype, scale, zeroPoint };
    found.set(nameOf(anchor.node), { anchor, input: { ...input, rounding } });
  }
  return found;
}

interface RowGrid {
  readonly scales: Float32Array;
  readonly zeroPoints: Int32Array;
  readonly min: number;
  readonly max: number;
}

/** The grid of a weight with a scale for each output. */
function rowGrid(
  { scales, zeroPoints }: Pick<RowGrid, "scales" | "zeroPoints">,
  outputs: number,
  { weights: dtype, reduceRange }: QuantizeSettings,
): RowGrid {
  const type = QUANTIZED_TYPES[dtype];
  const { min, max } = reduceRange ? type.reduced : (type.symmetric ?? type.full);
  if (scales.length === outputs) return { scales, zeroPoints, min, max };
  return {
    scales: new Float32Array(outputs).fill(scales[0]!),
    zeroPoints: new Int32Array(outputs).fill(zeroPoints[0]!),
    min,
    max,
  };
}

function perRow({ outputs, columns }: WeightRows, { scales, zeroPoints }: RowGrid) {
  return { scale: scales, zeroPoint: zeroPoints, shape: [outputs, columns], axis: 0 };
}

function nearest(rows: WeightRows, grid: RowGrid, { weights: dtype }: QuantizeSettings) {
  return quantizeLinear(rows.values, { dtype, ...perRow(rows, grid) });
}

function compensated(
  { values, columns, outputs }: WeightRows,
  { gram, rows }: Pick<LayerStatistics, "gram" | "rows">,
  { scales, zeroPoints, min, max }: RowGrid,
): Int8Array | Uint8Array {
  const groups = gram.length / columns ** 2;
  const perGroup = outputs / groups;
  const parts = Array.from({ length: groups }, (_, group) => {
    const [first, last] = [group * perGroup, (group + 1) * perGroup];
    const own = gram.subarray(group * columns ** 2, (group + 1) * columns ** 2);
    return roundLayer(
      values.subarray(first * columns, last * columns),
      columns,
      { gram: own, rows },
      {
        scales: scales.subarray(first, last),
        zeroPoints: zeroPoints.subarray(first, last),
        min,
        max,
      },
    );
  });
  if (parts.length === 1) return parts[0]!;
  const steps = min < 0 ? new Int8Array(values.length) : new Uint8Array(values.length);
  for (const [group, part] of parts.entries()) steps.set(part, group * perGroup * columns);
  return steps;
}
