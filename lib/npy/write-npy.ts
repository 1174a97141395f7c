import { type ReplaceOptions, replaceFile } from "../files/replace-file.js";
import { Scratch } from "../scratch.js";
import type { DeferredTensor, Tensor } from "../tensor.js";
import { encodeHeader } from "./header.js";

/**
 * Writes an array as numpy.save does, byte for byte, whole or not at all, straight from the tensor's memory.
 *
 * @throws TypeError or RangeError for a type that numpy does not have (bfloat16, the 8-bit floats, less than 8 bits), or whose
 * shape and data disagree; ModelFormatError FILE_UNWRITABLE; the signal's reason
 */
export async function writeNpy(
  path: string,
  tensor: Tensor | DeferredTensor,
  options: ReplaceOptions = {},
): Promise<void> {
  const header = encodeHeader(tensor, "the tensor");
  await replaceFile(path, (file) => file.write([header, new Scratch().dataOf(tensor)]), options);
}
