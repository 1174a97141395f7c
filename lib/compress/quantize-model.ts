import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { ModelOperationError } from "../errors.js";
import { Graph } from "../graph/graph.js";
import { upgradeOpset } from "../graph/upgrade-opset.js";
import { modelBytes } from "../onnx/model-bytes.js";
import { StringStringEntryProtoSchema, TensorProto_DataLocation } from "../onnx/proto/onnx_pb.js";
import { type OnnxModel, openModel, readOnnx } from "../onnx/read.js";
import { expectedBytes, isExternal } from "../onnx/tensor-proto.js";
import { graphsOf, operatorDomains, tensorsOf } from "../onnx/walk.js";
import { writeOnnx } from "../onnx/write.js";
import { ModelProcess } from "../runtime/model-process.js";
import { planActivations } from "./activation-plan.js";
import { isAnchorOp } from "./anchors.js";
import { calibrateModel } from "./calibrate-model.js";
import { type ChosenMode, chooseMode, LOWEST_QUANTIZED_OPSET } from "./choose-mode.js";
import { type QuantizeOptions, type QuantizeResult, type QuantizeSettings, settingsFrom } from "./options.js";
import { prepareModel } from "./prepare-model.js";
import { quantizeDynamic } from "./quantize-dynamic.js";
import { PER_CHANNEL_OPSET, quantizeStatic } from "./quantize-static.js";
import { quantizeWeights } from "./quantize-weights.js";
import { equalizeLayers } from "./repair/equalize-layers.js";
import { nameOf, type Selection, selectNodes } from "./select-nodes.js";
import { plainTreatments, staticTreatments } from "./treatments.js";

/** Trained models stay below 5; those that quantize badly because of it are above 20. */
const SKEWED = 8;
/** Above this share of the old size the user should know that little was gained. */
const SMALL_GAIN = 0.75;
/** Key in the model's metadata_props that says what was done to it. */
export const QUANTIZED_KEY = "modelpress.quantized";

/**
 * Quantizes an ONNX model to int8, as onnxruntime's own quantizer does but without Python: static (with calibration
 * data), dynamic, or weights only. The input is never changed; the output appears whole or not at all.
 *
 * @param input path of a model, or its bytes
 * @throws ModelFormatError for a damaged model or data that does not fit it
 * @throws ModelOperationError CALIBRATION_NEEDED, CALIBRATION_INVALID, NOTHING_TO_QUANTIZE, UNSUPPORTED_MODEL,
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
  if (options.mode === "static" && options.data === undefined)
    throw new ModelOperationError(
      "CALIBRATION_NEEDED",
      "static quantization finds its ranges from samples; give data, or choose mode dynamic or weights",
    );
  const folder = await mkdtemp(join(tmpdir(), "modelpress-"));
  try {
    return await new Quantization(input, options, settings, folder).run();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

class Quantization {
  private readonly warnings: string[] = [];
  private readonly repairs: string[] = [];

  constructor(
    private readonly input: string | Uint8Array,
    private readonly options: QuantizeOptions,
    private readonly settings: QuantizeSettings,
    private readonly folder: string,
  ) {}

  async run(): Promise<QuantizeResult> {
    const { signal, output, onProgress } = this.options;
    const path = await this.inputPath();
    const before = modelBytes(path);
    onProgress?.({ stage: "prepare", done: 0 });
    await using models = await ModelProcess.start({ signal });
    const model = await this.prepared(models, path);
    try {
      if (this.options.mode !== "weights") this.upgrade(model);
      this.equalize(model);
      const graph = new Graph(model);
      const selection = selectNodes(graph, this.options.exclude ?? [], nodeNames(path));
      if (selection.anchors.size === 0) throw this.nothingToQuantize(graph, selection);
      const chosen = this.chosenMode(graph, selection);
      if (chosen.mode !== "weights") this.checkOpset(graph);
      const done =
        chosen.mode === "static"
          ? await this.static(models, graph, selection)
          : this.withoutRanges(graph, selection, chosen);
      signal?.throwIfAborted();
      finish(graph, chosen, this.settings);
      onProgress?.({ stage: "write", done: 0 });
      const files = output === undefined ? [] : await writeOnnx(output, model);
      const after = files[0] === undefined ? 0 : modelBytes(files[0]);
      if (after > SMALL_GAIN * before)
        this.warnings.push(
          `the model has ${Math.round((100 * after) / before)}% of its size: most of its weights are in operators that stay in float`,
        );
      return {
        model: files[0] === undefined ? inMemory(model) : readOnnx(files[0]),
        files,
        mode: chosen.mode,
        reason: chosen.reason,
        ...done,
        size: { before, after },
        repairs: this.repairs,
        warnings: this.warnings,
      };
    } finally {
      model.close();
    }
  }

  private async inputPath(): Promise<string> {
    if (typeof this.input === "string") return this.input;
    const path = join(this.folder, "input.onnx");
    await writeFile(path, this.input);
    return path;
  }

  /** Without onnxruntime-node a model can still be quantized in the modes that never run it. */
  private async prepared(models: ModelProcess, path: string): Promise<OnnxModel> {
    if (this.options.prepare === false) return readOnnx(path);
    try {
      return readOnnx(await prepareModel(models, path, this.folder));
    } catch (error) {
      const missing = error instanceof ModelOperationError && error.code === "RUNTIME_MISSING";
      if (!missing || this.options.data !== undefined) throw error;
      this.warnings.push(`the graph was not optimised first: ${error.message}`);
      return readOnnx(path);
    }
  }

  private upgrade(model: OnnxModel): void {
    const reason = upgradeOpset(model.proto);
    if (reason) this.warnings.push(`the model keeps its old operator set: ${reason}`);
  }

  private equalize(model: OnnxModel): void {
    const { equalize = "auto" } = this.options;
    if (equalize === false) return;
    const { pairs, spread } = equalizeLayers(model, equalize === true ? 0 : SKEWED);
    if (pairs > 0)
      this.repairs.push(
        `equalized ${pairs} pairs of layers: the widest channel was ${spread.before.toFixed(1)} times the median one, and is ${spread.after.toFixed(1)} times`,
      );
  }

  private checkOpset(graph: Graph): void {
    const opset = graph.opset() ?? 0;
    if (opset < LOWEST_QUANTIZED_OPSET)
      throw new ModelOperationError(
        "UNSUPPORTED_MODEL",
        `${this.label}: opset ${opset} has no quantized operators; export the model with opset ${PER_CHANNEL_OPSET} or later, or choose mode weights`,
      );
    if (opset < PER_CHANNEL_OPSET && this.settings.perChannel)
      this.warnings.push(
        `opset ${opset} has one scale per tensor only, which costs accuracy; export with opset ${PER_CHANNEL_OPSET} or later`,
      );
  }

  private nothingToQuantize(graph: Graph, { refused }: Selection): ModelOperationError {
    const [, ...subgraphs] = graphsOf(graph.model.proto);
    const inside = subgraphs.flatMap(({ node }) => node).filter(isAnchorOp).length;
    const reasons = refused.slice(0, 5).map(({ name, reason }) => `${name}: ${reason}`);
    if (inside > 0) reasons.push(`${inside} lie in subgraphs of If or Loop, which stay as they are`);
    const detail = reasons.length > 0 ? ` (${reasons.join("; ")})` : "";
    return new ModelOperationError(
      "NOTHING_TO_QUANTIZE",
      `${this.label}: no Conv, Gemm or MatMul can be quantized${detail}`,
    );
  }

  private chosenMode(graph: Graph, selection: Selection): ChosenMode {
    const { mode, data } = this.options;
    if (mode !== undefined) return { mode, reason: "as asked", weightsOnly: () => false };
    if (data !== undefined)
      return { mode: "static", reason: "calibration data was given", weightsOnly: () => false };
    const weightBytes = (weight: string | undefined): number =>
      weight === undefined ? 0 : (expectedBytes(graph.initializer(weight)!) ?? 0);
    return chooseMode(
      [...selection.anchors.values()],
      ({ weight }) => weightBytes(weight),
      graph.opset() ?? 0,
    );
  }

  private async static(models: ModelProcess, graph: Graph, selection: Selection): Promise<Done> {
    const { data, samples, calibrate = "minmax", threads, onProgress } = this.options;
    const plan = planActivations(graph, selection);
    const observed = new Set([...plan.activations.values()].map(({ rangeOf }) => rangeOf));
    const calibration = await calibrateModel(models, graph.model, [...observed], {
      data: data!,
      samples,
      method: calibrate,
      threads,
      folder: this.folder,
      onProgress,
    });
    onProgress?.({ stage: "quantize", done: 0 });
    const params = quantizeStatic(graph, selection, plan, calibration.ranges, this.settings);
    const ranges = [...params].map(([tensor, { scale, zeroPoint }]) => {
      const { min = 0, max = 1 } = calibration.ranges[tensor] ?? {};
      return [tensor, { min, max, scale, zeroPoint }] as const;
    });
    const nodes = staticTreatments(selection, plan);
    return { ranges: Object.fromEntries(ranges), samples: calibration.samples, nodes };
  }

  private withoutRanges(graph: Graph, selection: Selection, { mode, weightsOnly }: ChosenMode): Done {
    const anchors = [...selection.anchors.values()];
    const inWeights = mode === "weights" ? anchors : anchors.filter(weightsOnly);
    const inIntegers = anchors.filter((anchor) => !inWeights.includes(anchor));
    const dynamic = new Set(quantizeDynamic(graph, inIntegers, this.settings));
    const stored = new Set(quantizeWeights(graph, inWeights, this.settings));
    if (dynamic.size + stored.size === 0) throw this.nothingToQuantize(graph, selection);
    const convs = [...dynamic].filter(({ node }) => node.opType === "Conv").length;
    if (convs > 0)
      this.warnings.push(
        `${convs} convolutions run as ConvInteger, which is 4 to 12 times slower than float in onnxruntime; static quantization makes them faster`,
      );
    return { ranges: {}, samples: 0, nodes: plainTreatments(selection, dynamic, stored) };
  }

  private get label(): string {
    return typeof this.input === "string" ? this.input : "the model";
  }
}

function nodeNames(path: string): Set<string> {
  return new Set([...graphsOf(readOnnx(path).proto)].flatMap(({ node }) => node.map(nameOf)));
}

/** What each mode adds to the result. */
type Done = Pick<QuantizeResult, "ranges" | "samples" | "nodes">;

/** Writes the edits into the model and says in its metadata what it is. */
function finish(graph: Graph, { mode }: ChosenMode, settings: QuantizeSettings): void {
  graph.commit();
  const { proto } = graph.model;
  const used = new Set(operatorDomains(proto));
  proto.opsetImport = proto.opsetImport.filter(({ domain }) => domain === "" || used.has(domain));
  const { activations, weights } = settings;
  const value = mode === "static" ? `static, activations ${activations}, weights ${weights}` : mode;
  proto.metadataProps = [
    ...proto.metadataProps.filter(({ key }) => key !== QUANTIZED_KEY),
    create(StringStringEntryProtoSchema, { key: QUANTIZED_KEY, value }),
  ];
}

/** The model with no file behind it: the folder of the prepared model is about to go. */
function inMemory(model: OnnxModel): OnnxModel {
  for (const tensor of tensorsOf(model.proto))
    if (isExternal(tensor)) {
      tensor.rawData = model.bytes(tensor);
      tensor.externalData = [];
      tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
    }
  return openModel(model.proto);
}
