import { ModelFormatError } from "../errors.js";
import type { OnProgress } from "../progress.js";
import { Scratch } from "../scratch.js";
import { chunksOf, type TypedArray } from "../tensor.js";
import { openTensorFile } from "../tensor-file/open-tensor-file.js";
import type { OutgoingTensor } from "./cast-tensor.js";

export interface CheckOptions {
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/**
 * Reads a file that was written and compares every tensor with what was to be written: type, shape and bytes. Values that were
 * converted are converted again.
 *
 * @throws ModelFormatError DATA_MISMATCH that names the first tensor that differs; the signal's reason
 */
export async function checkTensors(
  path: string,
  expected: ReadonlyMap<string, OutgoingTensor>,
  { signal, onProgress }: CheckOptions,
): Promise<void> {
  const written = openTensorFile(path);
  const scratch = new Scratch();
  let total = 0;
  for (const { byteLength } of expected.values()) total += byteLength;
  let done = 0;
  try {
    for (const [name, tensor] of expected) {
      signal?.throwIfAborted();
      // In an npy file a tensor has no name.
      const actual = written.tensors.get(written.format === "npy" ? [...written.tensors.keys()][0]! : name);
      const same =
        actual !== undefined &&
        actual.type === tensor.type &&
        actual.shape.join() === tensor.shape.join() &&
        equalBytes(actual.load(), valuesOf(tensor, scratch));
      if (!same)
        throw new ModelFormatError(
          "DATA_MISMATCH",
          "the tensor is not what was written; is the disk sound?",
          {
            path,
            field: `tensor ${JSON.stringify(name)}`,
          },
        );
      done += tensor.byteLength;
      onProgress?.({ stage: "check", done, total });
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    written.close();
  }
}

function valuesOf(tensor: OutgoingTensor, scratch: Scratch): TypedArray {
  const { dtype, shape, byteLength, fill } = tensor;
  if (!fill) return tensor.load();
  const values = dtype ? scratch.array(dtype, shape) : scratch.array("uint8", [byteLength]);
  fill(values);
  return values;
}

function equalBytes(a: TypedArray, b: TypedArray): boolean {
  if (a.byteLength !== b.byteLength) return false;
  const others = chunksOf(b);
  for (const chunk of chunksOf(a)) if (Buffer.compare(chunk, others.next().value!) !== 0) return false;
  return true;
}
