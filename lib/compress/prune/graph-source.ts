import { Graph } from "../../graph/graph.js";
import { deferTensor } from "../../onnx/deferred.js";
import { modelBytes, modelFiles } from "../../onnx/model-bytes.js";
import { type OnnxModel, openModel, readOnnx } from "../../onnx/read.js";
import { isExternal } from "../../onnx/tensor-proto.js";
import { tensorsOf } from "../../onnx/walk.js";
import { writeOnnx } from "../../onnx/write.js";
import { chooseWeights, type GraphWeight } from "./choose-weights.js";
import type { Mask } from "./mask.js";
import type { PruneSettings } from "./options.js";
import type { Edit } from "./repair/repair-pruned.js";
import { PruneScratch, type PruneSource, type WriteOptions } from "./source.js";

/** The weights of an ONNX model. */
export class GraphSource implements PruneSource {
  readonly path: string | undefined;
  readonly weights: readonly GraphWeight[];
  readonly dense: PruneSource["dense"];
  readonly files: readonly string[];
  readonly bytes: number;
  private readonly external: boolean;

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
      const pruned = deferTensor(name, dtype, shape, scratch.fillOf(mask));
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

  write(output: string, options: WriteOptions): Promise<string[]> {
    // Tensors that are yet to be made lie nowhere.
    return writeOnnx(output, this.model, { externalData: this.external || undefined, ...options });
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
