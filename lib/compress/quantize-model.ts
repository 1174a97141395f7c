import { statSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ModelOperationError } from "../errors.js";
import { dropTraces } from "../graph/drop-traces.js";
import { Graph } from "../graph/graph.js";
import { splitGemms } from "../graph/split-gemms.js";
import { openModelBytes } from "../onnx/model-bytes.js";
import type { NodeProto } from "../onnx/proto/onnx_pb.js";
import { type OnnxModel, openOnnx, readOnnx } from "../onnx/read.js";
import { graphsOf } from "../onnx/walk.js";
import { writeOnnx } from "../onnx/write.js";
import { ModelProcess } from "../runtime/model-process.js";
import { aboutModel } from "./about-model.js";
import { checkOpset } from "./check-opset.js";
import { checkSettings } from "./check-settings.js";
import { type ChosenMode, chooseMode } from "./choose-mode.js";
import { excludeNodes, indexNodes, type NodeIndex, type SparedReason } from "./exclude-nodes.js";
import { faintWarning } from "./faint.js";
import { finishModel, inMemory } from "./finish-model.js";
import { convertFloat16 } from "./float16/convert-float16.js";
import { openFloatModel } from "./open-float-model.js";
import {
  type NodeTreatment,
  type QuantizeOptions,
  type QuantizeResult,
  type QuantizeSettings,
  settingsFrom,
} from "./options.js";
import { refuseQuantized } from "./refuse-quantized.js";
import { refuseSparse } from "./refuse-sparse.js";
import { repairModel } from "./repair/repair-model.js";
import { requireData } from "./require-data.js";
import { runDynamic } from "./run-dynamic.js";
import { runStatic, type StaticResult } from "./run-static.js";
import { type Selection, selectNodes } from "./select-nodes.js";
import { storeHalves } from "./store-halves.js";
import { storeWeights } from "./store-weights.js";
import { SMALLEST_BYTES } from "./stored-weights.js";
import { PRESETS } from "./target.js";
import { withStoredWeights } from "./treatments.js";
import { unusedOptions } from "./unused-options.js";
import { chooseQuantizer } from "./weight-only/choose-quantizer.js";
import { storeBlocks } from "./weight-only/store-blocks.js";

/** Above this share of the old size the user should know that little was gained. */
const SMALL_GAIN = 0.75;

/**
 * Quantizes an ONNX model to int8, as onnxruntime's own quantizer does but without Python: static (with calibration
 * data), dynamic, or weights only. The input is never changed; the output appears whole or not at all.
 *
 * @param input path of a model, or its bytes
 * @throws ModelFormatError for a damaged model or data that does not fit it
 * @throws ModelOperationError CALIBRATION_NEEDED, CALIBRATION_INVALID, NOTHING_TO_QUANTIZE, ALREADY_QUANTIZED, UNSUPPORTED_MODEL,
 *   RUNTIME_MISSING or RUNTIME_FAILED; signal.reason when aborted
 *
 * @example
 * const { size } = await quantizeModel("model.onnx", { output: "model.int8.onnx", data: "calibration.safetensors" });
 */
export async function quantizeModel(
  input: string | Uint8Array,
  options: QuantizeOptions = {},
): Promise<QuantizeResult> {
  const settings = settingsFrom(options);
  requireData(options);
  const folder = await mkdtemp(join(tmpdir(), "modelpress-"));
  const quantization = new Quantization(input, options, settings, folder);
  try {
    return await quantization.run();
  } catch (error) {
    throw aboutModel(error, folder, quantization.label);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

class Quantization {
  private readonly warnings: string[] = [];
  private readonly faint = new Set<string>();

  constructor(
    private readonly input: string | Uint8Array,
    private readonly options: QuantizeOptions,
    private readonly settings: QuantizeSettings,
    private readonly folder: string,
  ) {}

  async run(): Promise<QuantizeResult> {
    const { signal, output, sync, onProgress } = this.options;
    const { perChannel } = this.settings;
    const path = await this.inputPath();
    // Meanwhile: with samples the model will run.
    await using models =
      this.options.data === undefined
        ? ModelProcess.whenAsked({ signal })
        : await ModelProcess.start({ signal });
    onProgress?.({ stage: "prepare", done: 0 });
    const { source, before, original, described } = this.openSource(path);
    const { model, folded, warnings } = await openFloatModel(models, source, path, this.label, {
      options: this.options,
      settings: this.settings,
      folder: this.folder,
    });
    this.warnings.push(...warnings);
    try {
      const toHalf = this.options.mode === "float16";
      const repairs = toHalf
        ? []
        : await repairModel(models, model, this.options, this.settings, this.folder);
      const graph = new Graph(model);
      if (!toHalf) splitGemms(graph);
      const spared = excludeNodes(model.proto, this.options, original);
      const selection = selectNodes(graph, spared, this.askedTypes);
      const chosen = chooseMode(graph, selection, this.options, this.settings.blocks !== undefined);
      this.warnings.push(...checkSettings(chosen.mode, this.settings));
      if (chosen.mode === "static" || chosen.mode === "dynamic")
        this.warn(checkOpset(this.label, graph.opset() ?? 0, perChannel));
      this.warn(unusedOptions(chosen.mode, this.options, this.settings));
      const done = await this.rewrite(models, graph, selection, chosen, spared);
      const { whole, warnings: others, ...facts } = done;
      this.warnings.push(...others);
      const sparedWhole: SparedReason = (node) => spared(node) ?? (whole.has(node) ? "whole" : undefined);
      if (whole.size > 0) storeHalves(graph, whole);
      const stored = toHalf ? [] : this.storeWeights(graph, sparedWhole);
      const nodes = withStoredWeights(facts.nodes, stored);
      if (nodes.every(({ treatment }) => treatment === "float")) throw this.nothingToQuantize(nodes);
      signal?.throwIfAborted();
      dropTraces(model.proto);
      finishModel(model, chosen.mode, this.settings, described);
      onProgress?.({ stage: "write", done: 0 });
      const files = output === undefined ? [] : await writeOnnx(output, model, { sync, signal, onProgress });
      const written = files[0] === undefined ? inMemory(model) : openOnnx(files[0]);
      if (this.faint.size > 0) this.warnings.push(faintWarning(this.faint));
      const after = files.reduce((sum, file) => sum + statSync(file).size, 0);
      if (after > SMALL_GAIN * before)
        this.warnings.push(
          `the model has ${Math.round((100 * after) / before)}% of its size: most of its weights are in operators that stay in float`,
        );
      return {
        model: written,
        settings: this.settings,
        files,
        mode: chosen.mode,
        reason: chosen.reason,
        ...facts,
        nodes,
        size: { before, after },
        repairs: [...folded, ...repairs, ...facts.repairs],
        warnings: this.warnings,
      };
    } finally {
      model.close();
    }
  }

  /** The model as it was given, its size, its nodes, and the tensors that it tells types and shapes of. */
  private openSource(path: string): {
    source: OnnxModel;
    before: number;
    original: NodeIndex;
    described: ReadonlySet<string>;
  } {
    const { mode, requantize = false } = this.options;
    const source = readOnnx(path, { once: true });
    try {
      refuseSparse({ proto: source.proto, label: this.label });
      if (!requantize && mode !== "float16") refuseQuantized({ proto: source.proto, label: this.label });
      const described = new Set(source.proto.graph?.valueInfo.map(({ name }) => name));
      return { source, before: openModelBytes(path, source), original: indexNodes(source.proto), described };
    } catch (error) {
      source.close();
      throw error;
    }
  }

  private async inputPath(): Promise<string> {
    if (typeof this.input === "string") return this.input;
    const path = join(this.folder, "input.onnx");
    await writeFile(path, this.input);
    return path;
  }

  private warn(warning: string | undefined): void {
    if (warning !== undefined) this.warnings.push(warning);
  }

  private nothingToQuantize(nodes: readonly NodeTreatment[]): ModelOperationError {
    const reasons = nodes.slice(0, 5).map(({ name, reason }) => `${name}: ${reason}`);
    const detail = reasons.length > 0 ? ` (${reasons.join("; ")})` : "";
    const lacking =
      this.options.mode === "float16"
        ? "no node that can work in float16"
        : `no float32 weight of ${SMALLEST_BYTES} bytes or more, and no layer that this mode quantizes`;
    return new ModelOperationError("NOTHING_TO_QUANTIZE", `${this.label}: it has ${lacking}${detail}`);
  }

  private async rewrite(
    models: ModelProcess,
    graph: Graph,
    selection: Selection,
    chosen: ChosenMode,
    spared: SparedReason,
  ): Promise<StaticResult> {
    if (chosen.mode === "static") return this.static(models, graph, selection, spared);
    if (chosen.mode === "dynamic") {
      const { weightsOnly } = chosen;
      const done = runDynamic(graph, selection, {
        settings: this.settings,
        spared,
        weightsOnly,
        faint: this.faint,
      });
      this.warnings.push(...done.warnings);
      return { ...NOTHING, nodes: done.nodes };
    }
    if (chosen.mode === "float16") {
      const nodes = convertFloat16(graph, spared, this.options.keepIo ?? true, (text) => this.warn(text));
      return { ...NOTHING, nodes };
    }
    return { ...NOTHING, ...(await this.blocks(models, graph, selection, spared)) };
  }

  /** What mode weights does before all weights that are left are stored in int8. */
  private async blocks(
    models: ModelProcess,
    graph: Graph,
    { refused }: Selection,
    spared: SparedReason,
  ): Promise<Pick<StaticResult, "nodes" | "repairs">> {
    const { blocks } = this.settings;
    if (!blocks) return { nodes: [...refused], repairs: [] };
    const { options, folder } = this;
    const { quantizer, repairs } = await chooseQuantizer(models, graph, blocks, spared, options, folder);
    const { nodes, warnings } = storeBlocks(graph, blocks, spared, quantizer, this.faint);
    this.warnings.push(...warnings);
    const treated = new Set(nodes.map(({ name }) => name));
    return { nodes: [...refused.filter(({ name }) => !treated.has(name)), ...nodes], repairs };
  }

  private async static(
    models: ModelProcess,
    graph: Graph,
    selection: Selection,
    spared: SparedReason,
  ): Promise<StaticResult> {
    return runStatic(models, graph, selection, {
      options: this.options,
      settings: this.settings,
      asked: this.askedTypes,
      folder: this.folder,
      spared,
      faint: this.faint,
    });
  }

  /** What the mode leaves in float, in the main graph and in subgraphs, is at least stored in int8. */
  private storeWeights(graph: Graph, spared: SparedReason): NodeProto[] {
    const stored = [...storeWeights(graph, this.settings, spared, this.faint)];
    graph.commit();
    const [, ...subgraphs] = graphsOf(graph.model.proto);
    for (const proto of subgraphs) {
      const inner = new Graph(graph.model, proto);
      stored.push(...storeWeights(inner, this.settings, spared, this.faint));
      inner.commit();
    }
    return stored;
  }

  private get askedTypes(): readonly string[] {
    return this.options.opTypes ?? PRESETS[this.settings.target].extraOpTypes;
  }

  /** What messages call the model. */
  get label(): string {
    return typeof this.input === "string" ? this.input : "the model";
  }
}

/** What modes without calibration add to the result. */
const NOTHING: Omit<StaticResult, "nodes"> = {
  ranges: {},
  samples: 0,
  repairs: [],
  warnings: [],
  whole: new Set(),
};
