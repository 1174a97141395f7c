import { statSync } from "node:fs";
import { extname } from "node:path";
import { findWeights } from "../../compressed/find-weights.js";
import type { OutgoingTensor } from "../../convert/cast-tensor.js";
import { unpackTensors } from "../../convert/decompress-tensors.js";
import { deferredTensor } from "../../convert/deferred-tensor.js";
import { writeTensorFile } from "../../convert/write-tensor-file.js";
import { ModelOperationError, outOfRange } from "../../errors.js";
import { isBitmaskNote } from "../../tensor-file/bitmask-notes.js";
import { openTensorFile } from "../../tensor-file/open-tensor-file.js";
import type { StoredTensor, TensorFile } from "../../tensor-file/tensor-file.js";
import type { Mask } from "./mask.js";
import { nameChoice } from "./name-choice.js";
import type { DenseTensor, PruneSettings } from "./options.js";
import { PruneScratch, type PruneSource, type WriteOptions } from "./source.js";
import { storedFloats } from "./stored-floats.js";
import type { Weight } from "./weight.js";
import { writeBitmasks } from "./write-bitmasks.js";

/** Tables that are looked up, by the names that models give them. */
const EMBEDDING = /(?:^|\.)(?:[^.]*embed[^.]*|token_embd|wte|wpe|shared)\.weight$/i;
const FORMATS = { safetensors: "safetensors", "safetensors-index": "safetensors", gguf: "gguf" } as const;

/**
 * The weights of a safetensors or GGUF file: tensors of floats with two axes or more, [outputs, inputs, ...] as PyTorch has them. What
 * they are used for such files do not say, so that embeddings are known by their names.
 */
export class TensorSource implements PruneSource {
  readonly path: string;
  readonly weights: readonly Weight[];
  readonly dense: readonly DenseTensor[];
  readonly files: readonly string[];
  readonly bytes: number;
  private readonly pruned = new Map<string, OutgoingTensor>();
  private readonly file: TensorFile;
  private readonly format: (typeof FORMATS)[keyof typeof FORMATS];

  constructor(path: string, settings: PruneSettings, opened: TensorFile = openTensorFile(path)) {
    try {
      this.path = path;
      this.format = formatOf(opened, path);
      const file = floatsOf(opened, path);
      this.file = file;
      this.files = file.paths;
      this.bytes = file.paths.reduce((sum, each) => sum + statSync(each).size, 0);
      ({ weights: this.weights, dense: this.dense } = chooseTensors(file, settings));
    } catch (error) {
      opened.close();
      throw error;
    }
  }

  apply(masks: readonly Mask[]): void {
    const scratch = new PruneScratch();
    for (const mask of masks) {
      const { name, dtype, shape } = mask.weight;
      this.pruned.set(name, deferredTensor({ dtype, shape, fill: scratch.fillOf(mask) }));
    }
  }

  requireOutput(output: string): void {
    if (extname(output).toLowerCase() !== `.${this.format}`)
      throw outOfRange(`a name that ends in .${this.format}, as the input does,`, "output", output);
  }

  write(output: string, { storage, ...options }: WriteOptions): Promise<string[]> {
    const { file, pruned } = this;
    const tensors = new Map<string, OutgoingTensor>([...file.tensors, ...pruned]);
    return storage === "dense"
      ? writeTensorFile(this.format, output, tensors, file, options)
      : writeBitmasks(output, { ...file, tensors, pruned }, options);
  }

  result(): undefined {
    this.close();
  }

  close(): void {
    this.file.close();
  }
}

function formatOf({ format }: TensorFile, path: string): "safetensors" | "gguf" {
  if (Object.hasOwn(FORMATS, format)) return FORMATS[format as keyof typeof FORMATS];
  throw new ModelOperationError(
    "UNSUPPORTED_MODEL",
    `${path}: weights can be pruned in ONNX, safetensors and GGUF files; convert it to one of these first`,
  );
}

/**
 * The file with the weights whole that are stored without their zeros.
 *
 * @throws ModelOperationError UNSUPPORTED_MODEL for weights that are stored as steps and scales
 */
function floatsOf(file: TensorFile, path: string): TensorFile {
  const tensors = unpackTensors(file);
  const [quantized] = findWeights(tensors);
  if (quantized !== undefined)
    throw new ModelOperationError(
      "UNSUPPORTED_MODEL",
      `${path}: ${quantized.name} is stored as ${quantized.format}; bring the file back into floats first (convert --compressed dense), and quantize it again when it is pruned`,
    );
  const metadata = new Map([...file.metadata].filter(([key]) => !isBitmaskNote(key)));
  return { ...file, tensors, metadata };
}

function chooseTensors({ tensors }: TensorFile, settings: PruneSettings) {
  const weights: Weight[] = [];
  const dense: DenseTensor[] = [];
  const chosen = nameChoice(new Set(tensors.keys()), settings);
  for (const [name, stored] of tensors) {
    const count = stored.shape.reduce((product, size) => product * size, 1);
    if (count < 2 || !/float|^Q/.test(stored.type)) continue;
    const found = weightOf(name, stored, count, settings);
    const reason = typeof found === "string" ? found : chosen(found);
    if (typeof found === "string" || reason !== undefined)
      dense.push({ name, values: count, reason: reason! });
    else weights.push(found);
  }
  return { weights, dense };
}

/** A weight, or why a tensor is none that can be pruned. */
function weightOf(
  name: string,
  { dtype, type, shape, load }: StoredTensor,
  count: number,
  { embeddings, minSize }: PruneSettings,
): Weight | string {
  if (shape.filter((size) => size > 1).length < 2) return "a vector: a bias or a norm";
  if (!embeddings && EMBEDDING.test(name)) return "table of embeddings, by its name";
  if (count < minSize) return `has ${count} values, fewer than ${minSize}`;
  const values = storedFloats(dtype, load);
  if (values === undefined) return `its elements are ${type}`;
  return { name, dtype: dtype!, shape, count, nodes: [], inputAxis: 1, ...values };
}
