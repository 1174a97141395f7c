import { ModelFormatError } from "../../errors.js";
import type { OnProgress } from "../../progress.js";
import { readSafetensors, type SafetensorsFile } from "../../safetensors/read.js";
import { describeMasks } from "./describe-masks.js";
import { type Mask, type MaskContext, maskOf } from "./mask.js";
import { openSource } from "./open-source.js";
import { type PruneResult, pruneSettings } from "./options.js";
import { prunedSize } from "./pruned-size.js";
import type { PruneSource } from "./source.js";
import type { Weight } from "./weight.js";

export interface ApplyMasksOptions {
  /** Where to write the model. Default: it is only returned. */
  output?: string | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

export type AppliedMasks = Pick<
  PruneResult,
  "model" | "files" | "layers" | "values" | "zeros" | "sparsity" | "size"
>;

/**
 * Sets values of a model to 0 by masks that exportMasks wrote, or others of the kind: a bool tensor for each weight, by its name and of
 * its shape, true where the value stays. The model may be another one than the masks are of, such as the same one trained further.
 *
 * @param input path of a model or of a file of tensors, or the bytes of an ONNX model
 * @param masks path of the safetensors file
 * @throws ModelFormatError TENSOR_INVALID for a mask that is of no weight of the model, of another shape, or no bool; for damaged files
 * @throws RangeError for an output that is not of the input's format; signal.reason when aborted
 */
export async function applyMasks(
  input: string | Uint8Array,
  masks: string,
  options: ApplyMasksOptions = {},
): Promise<AppliedMasks> {
  const { output, signal, onProgress } = options;
  const settings = pruneSettings({ sparsity: 0, minSize: 1, embeddings: true });
  const source = openSource(input, settings, output);
  const file = readSafetensors(masks);
  try {
    let done = 0;
    const total = file.entries.size;
    const onWeight = (): void => onProgress?.({ stage: "prune", done: ++done, total });
    const applied = await readMasks(file, masks, source, { path: source.path, signal, onWeight });
    source.apply(applied);
    const files =
      output === undefined ? [] : await source.write(output, { storage: "dense", signal, onProgress });
    const size = await prunedSize(source, applied, files, {});
    const model = source.result(files);
    return { ...(model && { model }), files, ...describeMasks(applied), size };
  } catch (error) {
    source.close();
    throw error;
  } finally {
    if (output !== undefined) file.close();
  }
}

async function readMasks(
  file: SafetensorsFile,
  path: string,
  source: PruneSource,
  context: MaskContext,
): Promise<Mask[]> {
  const weights = new Map(source.weights.map((weight) => [weight.name, weight]));
  const found: Mask[] = [];
  for (const [name, { dtype, shape }] of file.entries) {
    const invalid = (message: string): ModelFormatError =>
      new ModelFormatError("TENSOR_INVALID", message, { path, field: `tensor ${JSON.stringify(name)}` });
    if (dtype !== "bool") throw invalid(`it holds ${dtype}, but a mask is bool: true where a value stays`);
    const weight = weights.get(name);
    if (weight === undefined) throw invalid(whyNone(name, source));
    if (shape.join() !== weight.shape.join())
      throw invalid(`it is [${shape.join(", ")}], but the weight is [${weight.shape.join(", ")}]`);
    found.push(await storedMask(weight, file, context));
  }
  return found;
}

function whyNone(name: string, { path, dense }: PruneSource): string {
  const model = path ?? "the model";
  const reason = dense.find((tensor) => tensor.name === name)?.reason;
  return reason === undefined
    ? `${model} has no weight of this name`
    : `the tensor of this name in ${model} is no weight: ${reason}`;
}

function storedMask(weight: Weight, file: SafetensorsFile, context: MaskContext): Promise<Mask> {
  const apply: Mask["apply"] = (values, out) => {
    const stays = file.tensors.get(weight.name)!.data as Uint8Array;
    for (let i = 0; i < values.length; i++) out[i] = stays[i] === 0 ? 0 : values[i]!;
  };
  return maskOf(weight, apply, context);
}
