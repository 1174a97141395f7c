import type { OutgoingTensor } from "../../convert/cast-tensor.js";
import { deferredTensor } from "../../convert/deferred-tensor.js";
import { ModelOperationError } from "../../errors.js";
import { Graph } from "../../graph/graph.js";
import { deferTensor } from "../../onnx/deferred.js";
import { modelBytes, modelFiles } from "../../onnx/model-bytes.js";
import { type OnnxModel, openModel, readOnnx } from "../../onnx/read.js";
import { isExternal } from "../../onnx/tensor-proto.js";
import { tensorsOf } from "../../onnx/walk.js";
import { writeOnnx } from "../../onnx/write.js";
import { initializersOf } from "../../tensor-file/initializers.js";
import { chooseWeights, type GraphWeight } from "./choose-weights.js";
import type { Mask } from "./mask.js";
import type { PruneSettings } from "./options.js";
import type { Edit } from "./repair/repair-pruned.js";
import { PruneScratch, type PruneSource, type WriteOptions } from "./source.js";
import { writeBitmasks } from "./write-bitmasks.js";

/** The weights of an ONNX model. */
export class GraphSource implements PruneSource {
  readonly path: string | undefined;
  readonly weights: readonly GraphWeight[];
  readonly dense: PruneSource["dense"];
  readonly files: readonly string[];
  readonly bytes: number;
  private readonly external: boolean;
  /** Initializers that the model came with. */
  private readonly initializers: ReadonlySet<string>;
  private readonly pruned = new Map<string, OutgoingTensor>();

  constructor(
    input: string | Uint8Array,
    settings: PruneSettings,
    readonly model: OnnxModel = readOnnx(input),
  ) {
    try {
      this.path = model.path;
      this.files = typeof input === "string" ? [...modelFiles(input).keys()] : [];
      this.bytes = typeof input === "string" ? modelBytes(input) : input.byteLength;
      this.external = [...tensorsOf(model.proto)].some(isExternal);
      this.initializers = new Set(model.proto.graph!.initializer.map(({ name }) => name));
      ({ weights: this.weights, dense: this.dense } = chooseWeights(model, settings));
    } catch (error) {
      model.close();
      throw error;
    }
  }

  apply(masks: readonly Mask[]): void {
    const scratch = new PruneScratch();
    for (const mask of masks) {
      const { name, dtype, shape, stored } = mask.weight as GraphWeight;
      const { docString, metadataProps } = stored.tensor;
      const fill = scratch.fillOf(mask);
      this.pruned.set(name, deferredTensor({ dtype, shape, fill }));
      const pruned = deferTensor(name, dtype, shape, fill);
      if (Object.hasOwn(stored.tensor, "docString")) pruned.docString = docString;
      pruned.metadataProps = metadataProps;
      stored.replace(pruned);
    }
  }

  /** Changes the graph itself, after masks are applied. */
  edit(edits: readonly Edit[]): void {
    if (edits.length === 0) return;
    const graph = new Graph(this.model);
    for (const edit of edits) edit(graph);
    graph.commit();
  }

  async write(output: string, { storage, ...options }: WriteOptions): Promise<string[]> {
    // Tensors that are yet to be made lie nowhere.
    if (storage === "dense")
      return writeOnnx(output, this.model, { externalData: this.external || undefined, ...options });
    const { path, pruned, model } = this;
    const { tensors } = initializersOf(model);
    this.requireRestorable(tensors);
    const all = new Map<string, OutgoingTensor>([...tensors, ...pruned]);
    const metadata = new Map(Object.entries(model.metadata));
    const paths = path === undefined ? [] : [path];
    return writeBitmasks(output, { tensors: all, pruned, format: "onnx", metadata, paths }, options);
  }

  /** @throws ModelOperationError UNSUPPORTED_CONVERSION where tensors alone would not bring the pruned model back */
  private requireRestorable(tensors: ReadonlyMap<string, unknown>): void {
    const refused = (what: string) =>
      new ModelOperationError(
        "UNSUPPORTED_CONVERSION",
        `${this.path ?? "the model"}: ${what}; store it dense as ONNX, and convert that`,
      );
    for (const name of tensors.keys())
      if (!this.initializers.has(name))
        throw refused(`repair adds the tensor ${name}, which it has no place for`);
    for (const name of this.pruned.keys())
      if (!tensors.has(name)) throw refused(`the weight ${name} is no initializer of its main graph`);
  }

  result([file]: readonly string[]): OnnxModel {
    if (file !== undefined) {
      this.close();
      return readOnnx(file);
    }
    // Its map of tensors was made before there were new ones.
    const opened = openModel(this.model.proto, this.path);
    const close = (): void => {
      opened.close();
      this.close();
    };
    return { ...opened, close };
  }

  close(): void {
    this.model.close();
  }
}
