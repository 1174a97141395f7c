import { ModelOperationError } from "../../errors.js";
import { analyseChannels } from "../../graph/channels/analyse-channels.js";
import type { Axes } from "../../graph/channels/axes.js";
import { type ChannelGroup, channelGroups, nodeNames } from "../../graph/channels/channel-groups.js";
import { type Cut, cutGraph } from "../../graph/channels/cut-graph.js";
import { dropTraces } from "../../graph/drop-traces.js";
import { Graph } from "../../graph/graph.js";
import { liftConstants } from "../../graph/lift-constants.js";
import { modelBytes } from "../../onnx/model-bytes.js";
import { type OnnxModel, openModel, readOnnx } from "../../onnx/read.js";
import { isExternal } from "../../onnx/tensor-proto.js";
import { tensorsOf } from "../../onnx/walk.js";
import { writeOnnx } from "../../onnx/write.js";
import type { ModelProcess } from "../../runtime/model-process.js";
import { collectStatistics } from "../collect-statistics.js";
import { measureLatency } from "../measure-latency.js";
import { anyRepair, describeRepairs } from "../prune/repair/repairs.js";
import { withModels } from "../with-models.js";
import { chooseChannels } from "./choose-channels.js";
import { groupFilter } from "./group-filter.js";
import type { LayerReader } from "./layer-readers.js";
import { multiplicationsOf, totalMultiplications } from "./multiplications.js";
import {
  type ChannelSettings,
  channelSettings,
  type PruneChannelsOptions,
  type PruneChannelsResult,
  type PrunedChannels,
  type WholeLayers,
} from "./options.js";
import { type Collect, magnitudeOrders, observedOrders } from "./order-groups.js";
import { outputLosses } from "./output-losses.js";
import { countParameters } from "./parameters.js";
import { refitLayers } from "./refit-layers.js";
import type { RemovalOrder } from "./removal-order.js";
import { requireFinite } from "./require-finite.js";
import { sameChannels } from "./same-channels.js";
import { splitOrders } from "./split-orders.js";

/** Models with these were quantized already; their weights are steps that cannot be fitted. */
const QUANTIZED =
  /^(QuantizeLinear|DequantizeLinear|DynamicQuantizeLinear|MatMulNBits|.*Integer|Q(Linear|Gemm|Attention).*)$/;

/** What pruneModel does with pattern "channel". */
export async function pruneChannels(
  input: string | Uint8Array,
  options: PruneChannelsOptions,
): Promise<PruneChannelsResult> {
  const settings = channelSettings(options);
  const { repair, score } = settings;
  const needsData = anyRepair(repair) || score === "activation" || score === "reconstruction";
  if (needsData && options.data === undefined)
    throw new ModelOperationError(
      "CALIBRATION_NEEDED",
      "repair and the scores activation and reconstruction need samples; give data, or choose score l1 or l2 without repair",
    );
  const model = readOnnx(input);
  try {
    const before = typeof input === "string" ? modelBytes(input) : input.byteLength;
    const prune = (calibration?: Calibration) =>
      new ChannelPruning(model, options, settings, calibration).run(before);
    const result = needsData
      ? await withModels(options.signal, (models, folder) => prune({ models, folder }))
      : await prune();
    const [written] = result.files;
    if (!options.time || typeof input !== "string" || written === undefined) return result;
    const { warnings, ...timed } = await measureLatency(input, written, options);
    return { ...result, ...timed, warnings: [...result.warnings, ...warnings] };
  } catch (error) {
    model.close();
    throw error;
  }
}

/** What runs the model over samples, and where models for that may be written. */
interface Calibration {
  readonly models: ModelProcess;
  readonly folder: string;
}

class ChannelPruning {
  private readonly warnings: string[] = [];
  private readonly repairs: string[] = [];

  constructor(
    private readonly model: OnnxModel,
    private readonly options: PruneChannelsOptions,
    private readonly settings: ChannelSettings,
    private readonly calibration: Calibration | undefined,
  ) {}

  async run(before: number): Promise<PruneChannelsResult> {
    const { model, settings } = this;
    const { output, signal, onProgress } = this.options;
    const parametersBefore = countParameters(model.proto);
    const { axes, groups, whole } = this.analyse();
    const chosen = await this.choose(axes, groups);
    signal?.throwIfAborted();
    dropTraces(model.proto);
    // Said now: tensors that are yet to be made lie nowhere.
    const externalData = [...tensorsOf(model.proto)].some(isExternal) || undefined;
    const cut = cutGraph(chosen.axes, chosen.removed);
    const files =
      output === undefined ? [] : await writeOnnx(output, model, { externalData, signal, onProgress });
    return {
      parameters: { before: parametersBefore, after: countParameters(model.proto) },
      model: files[0] === undefined ? withNewTensors(model) : writtenModel(model, files[0]),
      files,
      pattern: "channel",
      scope: settings.scope,
      score: settings.score,
      groups: groups.map((group) => describe(cut, group)),
      whole,
      multiplications: totalMultiplications(chosen.axes, cut),
      repairs: this.repairs,
      size: { before, after: files[0] === undefined ? 0 : modelBytes(files[0]) },
      warnings: this.warnings,
    };
  }

  private analyse(): { axes: Axes; groups: ChannelGroup[]; whole: WholeLayers[] } {
    const { model } = this;
    liftConstants(model.proto);
    const graph = new Graph(model);
    graph.commit();
    const quantized = graph.allNodes().find(({ opType }) => QUANTIZED.test(opType));
    if (quantized)
      throw new ModelOperationError(
        "UNSUPPORTED_MODEL",
        `${this.label}: it is quantized (${quantized.opType}); prune the model in float first, then quantize it`,
      );
    const axes = analyseChannels(graph);
    const found = channelGroups(axes);
    const spared = groupFilter(graph, this.options);
    const whole = found.whole.map(({ makers, reason }) => ({ layers: nodeNames(makers), reason }));
    const groups: ChannelGroup[] = [];
    for (const group of found.groups) {
      const reason = spared(group) ?? this.tooSmall(group);
      if (reason === undefined) groups.push(group);
      else whole.push({ layers: nodeNames(group.makers), reason });
    }
    if (groups.length === 0) throw this.nothingToPrune(whole);
    requireFinite(axes, groups);
    return { axes, groups, whole };
  }

  private tooSmall({ sets, channels }: ChannelGroup): string | undefined {
    if (sets.length === 1) return "its channels can only go all together";
    const { roundTo } = this.settings;
    return channels > roundTo
      ? undefined
      : `it has ${channels} channels, no more than stay at least (roundTo)`;
  }

  /** The sets of channels that go, in the graph as it is when layers were fitted to that. */
  private async choose(
    axes: Axes,
    groups: readonly ChannelGroup[],
  ): Promise<{ axes: Axes; removed: Set<number> }> {
    const { settings, calibration } = this;
    const weights = new Map(groups.flatMap((group) => [...multiplicationsOf(axes, group)]));
    const { score, repair } = settings;
    const orders =
      score === "l1" || score === "l2"
        ? magnitudeOrders(axes, groups, weights, score)
        : await this.observed(calibration!, axes, groups, weights, score);
    const removed = this.reached(chooseChannels(splitOrders(axes, orders), weights, settings), weights);
    return anyRepair(repair) ? await this.repaired(calibration!, axes, removed) : { axes, removed };
  }

  /** The orders of groups by what samples show. */
  private async observed(
    calibration: Calibration,
    axes: Axes,
    groups: readonly ChannelGroup[],
    weights: ReadonlyMap<number, number>,
    score: "activation" | "reconstruction",
  ): Promise<RemovalOrder[]> {
    const collect = this.collector(calibration, axes);
    const orders = await observedOrders(axes, groups, weights, score, collect, (group) =>
      this.warnUnobserved(group),
    );
    if (this.settings.scope !== "auto") return orders;
    const { onProgress } = this.options;
    return outputLosses(calibration.models, axes.graph, orders, { ...this.runs(calibration), onProgress });
  }

  private async repaired(
    calibration: Calibration,
    axes: Axes,
    removed: Set<number>,
  ): Promise<{ axes: Axes; removed: Set<number> }> {
    const { onProgress } = this.options;
    const { repair: repairs } = this.settings;
    const options = { ...this.runs(calibration), repairs, onProgress };
    const layers = await refitLayers(calibration.models, axes, removed, options);
    if (layers === 0) return { axes, removed };
    this.repairs.push(`repaired ${layers} layers: ${describeRepairs(repairs).join(", ")}`);
    const again = analyseChannels(axes.graph);
    return { axes: again, removed: sameChannels(axes, again, removed) };
  }

  private warnUnobserved({ makers }: ChannelGroup): void {
    this.warnings.push(
      `ordered by the norms of weights, since none of the layers that read them can be observed: ${nodeNames(makers).join(", ")}`,
    );
  }

  private collector(calibration: Calibration, axes: Axes): Collect {
    const { onProgress } = this.options;
    const options = { ...this.runs(calibration), gram: true, onProgress };
    const { model } = axes.graph;
    return async function* (readers) {
      if (readers.length === 0) return;
      const byName = new Map<string, LayerReader>(readers.map((reader) => [reader.name, reader]));
      const inputs = new Map(readers.map(({ name, input }) => [name, input]));
      for await (const [name, statistics] of collectStatistics(calibration.models, model, inputs, options))
        yield [byName.get(name)!, statistics];
    };
  }

  private runs({ folder }: Calibration) {
    const { data, samples, threads } = this.options;
    return { data: data!, samples, threads, folder };
  }

  /** Says so where less could go than was asked for. */
  private reached(removed: Set<number>, weights: ReadonlyMap<number, number>): Set<number> {
    const sum = (sets: Iterable<number>) => [...sets].reduce((all, set) => all + (weights.get(set) ?? 0), 0);
    const share = sum(removed) / (sum(weights.keys()) || 1);
    if (this.settings.scope !== "layer" && share < this.settings.sparsity)
      this.warnings.push(
        `only ${Math.round(100 * share)}% of the channels could go: the others are what every layer keeps (minKept, roundTo)`,
      );
    return removed;
  }

  private nothingToPrune(whole: readonly WholeLayers[]): ModelOperationError {
    const reasons = whole.slice(0, 5).map(({ layers, reason }) => `${layers.join(", ")}: ${reason}`);
    const detail = reasons.length > 0 ? ` (${reasons.join("; ")})` : "";
    return new ModelOperationError(
      "NOTHING_TO_PRUNE",
      `${this.label}: it has no layer whose channels can be taken out${detail}`,
    );
  }

  private get label(): string {
    return this.model.path ?? "the model";
  }
}

function describe(cut: Cut, { makers, readers, channels }: ChannelGroup): PrunedChannels {
  const [first] = makers;
  return {
    layers: nodeNames(makers),
    readers: nodeNames(readers),
    channels: { before: channels, after: cut.kept(first!.weight, first!.axis)?.length ?? channels },
  };
}

/** The same model once more: its map of tensors was made before there were new ones. */
function withNewTensors(model: OnnxModel): OnnxModel {
  const opened = openModel(model.proto, model.path);
  const close = (): void => {
    opened.close();
    model.close();
  };
  return { ...opened, close };
}

function writtenModel(model: OnnxModel, path: string): OnnxModel {
  model.close();
  return readOnnx(path);
}
