import { sparsityConfig } from "../../compressed/quantization-config.js";
import type { OutgoingTensor } from "../../convert/cast-tensor.js";
import { packTensors } from "../../convert/pack-tensors.js";
import { quantizationConfigFile } from "../../convert/quantization-config-file.js";
import { writeTensorFile } from "../../convert/write-tensor-file.js";
import type { TensorFile } from "../../tensor-file/tensor-file.js";
import type { WriteOptions } from "./source.js";

/** The tensors of a model as they are after pruning, and where they come from. */
export interface PrunedTensors extends Pick<TensorFile, "format" | "metadata" | "paths"> {
  readonly tensors: ReadonlyMap<string, OutgoingTensor>;
  /** Names of the weights that were pruned. */
  readonly pruned: { has(name: string): boolean };
}

/**
 * Writes the tensors of a pruned model as safetensors, its weights without their zeros in the sparse-bitmask form of compressed-tensors.
 * Of a safetensors file, whose loaders know the convention, the config.json beside the output says so.
 *
 * @returns the paths written, first the tensors
 * @throws ModelOperationError UNSUPPORTED_CONVERSION where no weight becomes smaller, or the model holds such weights already
 * @throws RangeError for an output in the folder of a safetensors input
 */
export async function writeBitmasks(
  output: string,
  { tensors, pruned, format, metadata, paths }: PrunedTensors,
  options: Omit<WriteOptions, "storage">,
): Promise<string[]> {
  const path = paths[0] ?? "the model";
  const isWeight = (name: string) => pruned.has(name);
  const { weights, notes, ignored, sparsity } = packTensors(tensors, { isWeight, path });
  const config = format.startsWith("safetensors")
    ? quantizationConfigFile(path, output, sparsityConfig(sparsity, ignored))
    : undefined;
  const outgoing = new Map<string, OutgoingTensor>();
  for (const [name, tensor] of tensors)
    for (const [part, each] of weights.get(name) ?? [[name, tensor] as const]) outgoing.set(part, each);
  const said = { paths, metadata: new Map([...metadata, ...notes]) };
  const files = await writeTensorFile("safetensors", output, outgoing, said, options);
  if (config === undefined) return files;
  await config.write({});
  return [...files, config.path];
}
