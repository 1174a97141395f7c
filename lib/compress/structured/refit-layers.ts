import type { Axes } from "../../graph/channels/axes.js";
import { setsOf } from "../../graph/channels/channel-groups.js";
import { TensorProto_DataType as DataType } from "../../onnx/proto/onnx_pb.js";
import { encodeTensor, shapeOf } from "../../onnx/tensor-proto.js";
import type { OnProgress } from "../../progress.js";
import type { ModelProcess } from "../../runtime/model-process.js";
import { elementCount } from "../../tensor.js";
import type { ChosenMask } from "../prune/choose-masks.js";
import { FitCollector, type FitRuns } from "../prune/repair/fit-collector.js";
import { repairPruned } from "../prune/repair/repair-pruned.js";
import { repairableLayers } from "../prune/repair/repairable-layers.js";
import type { Repairs } from "../prune/repair/repairs.js";
import type { Weight } from "../prune/weight.js";

/** Of layers that lose nothing themselves, those with more inputs are left alone: their fit would take longest and change least. */
const MOST_COLUMNS = 1024;

export interface RefitOptions extends FitRuns {
  readonly repairs: Repairs;
  readonly onProgress: OnProgress | undefined;
}

/**
 * Fits the layers of a model to the outputs that they had before channels went, one after the other in the order in which
 * the model runs them: those that read such channels, and those behind them, whose inputs are not what they were either.
 * The weights of channels that went become 0, what the means of these added goes into biases, or into BatchNormalization.
 * Y. He, X. Zhang, J. Sun: Channel Pruning for Accelerating Very Deep Neural Networks, ICCV 2017.
 *
 * @returns how many layers were repaired
 */
export async function refitLayers(
  models: ModelProcess,
  axes: Axes,
  removed: ReadonlySet<number>,
  { repairs, onProgress, ...runs }: RefitOptions,
): Promise<number> {
  const { graph } = axes;
  const masks = masksOf(axes, removed);
  const layers = repairableLayers(
    graph,
    masks.map(({ weight }) => weight),
  );
  const losing = new Set(
    masks.filter(({ zeros }) => zeros.after > zeros.before).map(({ weight }) => weight.name),
  );
  const first = Math.min(...layers.filter(({ weight }) => losing.has(weight.name)).map(({ depth }) => depth));
  const behind = layers.filter(
    ({ weight, depth, input }) =>
      depth >= first && (losing.has(weight.name) || input.columns <= MOST_COLUMNS),
  );
  if (behind.length === 0) return 0;
  const collector = await FitCollector.open(models, graph.model, behind, runs);
  const fitted = new Set(behind.map(({ weight }) => weight.name));
  const repaired = await repairPruned(
    graph,
    collector,
    behind,
    masks.filter(({ weight }) => fitted.has(weight.name)),
    { choose: undefined, ...repairs },
    onProgress,
  );
  collector.close();
  for (const { weight, apply } of repaired.masks) {
    const values = new Float32Array(weight.count);
    apply(weight.load(), values);
    graph.addInitializer(encodeTensor(weight.name, "float32", weight.shape, values));
  }
  for (const edit of repaired.edits) edit(graph);
  graph.commit();
  return repaired.layers;
}

/** For every weight in float32 a mask that takes what reads the channels that went; most take nothing. */
function masksOf(axes: Axes, removed: ReadonlySet<number>): ChosenMask[] {
  const { graph } = axes;
  const readers = new Map(axes.readers.map((reader) => [reader.weight, reader]));
  const names = new Set([...axes.makers, ...axes.readers].map(({ weight }) => weight));
  return [...names].flatMap((name) => {
    const stored = graph.initializer(name);
    if (stored?.dataType !== DataType.FLOAT) return [];
    const shape = shapeOf(stored);
    const load = () => graph.model.tensor(stored).data as Float32Array;
    const count = elementCount(shape);
    const weight: Weight = { name, dtype: "float32", shape, count, nodes: [], inputAxis: undefined, load };
    const reader = readers.get(name);
    const sets = reader ? setsOf(axes, reader) : [];
    const inner = reader ? elementCount(shape.slice(reader.axis + 1)) : 1;
    const goes = (i: number) => removed.has(sets[Math.floor(i / inner) % sets.length]!);
    const gone = sets.filter((set) => removed.has(set)).length;
    const after = gone === 0 ? 0 : (count / sets.length) * gone;
    const apply = (values: Float32Array, out: Float32Array) => {
      for (let i = 0; i < values.length; i++) out[i] = gone > 0 && goes(i) ? 0 : values[i]!;
    };
    return [{ weight, pattern: { kind: "unstructured" }, zeros: { before: 0, after }, apply }];
  });
}
