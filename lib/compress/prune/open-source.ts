import { recognizeFormat } from "../../files/recognize-format.js";
import { GraphSource } from "./graph-source.js";
import type { PruneSettings } from "./options.js";
import type { PruneSource } from "./source.js";
import { TensorSource } from "./tensor-source.js";

/**
 * Opens a model, or a file of tensors by what its bytes say, and finds the weights in it.
 *
 * @throws RangeError for an output of tensors that is not of the input's format
 */
export function openSource(
  input: string | Uint8Array,
  settings: PruneSettings,
  output?: string | undefined,
): PruneSource {
  const isTensors = typeof input === "string" && !["onnx", "unknown"].includes(recognizeFormat(input));
  if (!isTensors) return new GraphSource(input, settings);
  const source = new TensorSource(input, settings);
  if (output !== undefined && settings.storage === "dense") source.requireOutput(output);
  return source;
}
