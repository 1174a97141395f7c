import { outOfRange } from "../errors.js";
import { type ReplaceOptions, replaceFile } from "../files/replace-file.js";
import { entriesOf, type NamedValues } from "../named-values.js";
import type { OnProgress } from "../progress.js";
import { Scratch } from "../scratch.js";
import { byteCount, type DeferredTensor, type Tensor } from "../tensor.js";
import { MAX_ENTRIES } from "../zip/limits.js";
import { ZipWriter } from "../zip/zip-writer.js";
import { encodeHeader } from "./header.js";

/** The format keeps the length of a name in two bytes. */
const MAX_NAME_BYTES = 65_535;

export interface WriteNpzOptions extends ReplaceOptions {
  /** Deflate the arrays, as numpy.savez_compressed does. Rarely worth it: float32 weights shrink by some 7 %. Default false. */
  compress?: boolean | undefined;
  /** Told the bytes of data written so far, before compression. */
  onProgress?: OnProgress | undefined;
}

/**
 * Writes an archive of arrays that numpy.load reads, whole or not at all. Without compression the data goes straight from
 * the tensors' memory, aligned to 64 bytes, so that readNpz gives views of the file. `tensors` may be those of a file that
 * is being replaced. Of deferred ones, one is in memory at a time.
 *
 * @throws TypeError or RangeError for a type that numpy does not have, whose shape and data disagree, or a name that unpacking
 * the archive would put outside its folder; ModelFormatError FILE_UNWRITABLE; the signal's reason
 */
export async function writeNpz(
  path: string,
  tensors: NamedValues<Tensor | DeferredTensor>,
  { compress = false, signal, onProgress, sync }: WriteNpzOptions = {},
): Promise<void> {
  const named = [...entriesOf(tensors)];
  if (named.length > MAX_ENTRIES)
    throw outOfRange(`at most ${MAX_ENTRIES} arrays, which readNpz takes,`, "tensors", named.length);
  const entries = named.map(([name, tensor]) => {
    checkName(name);
    return {
      name: `${name}.npy`,
      header: encodeHeader(tensor, `tensor ${JSON.stringify(name)}`),
      tensor,
    };
  });
  const total = entries.reduce((sum, { tensor }) => sum + byteCount(tensor.dtype, tensor.shape), 0);
  await replaceFile(
    path,
    async (file) => {
      const archive = new ZipWriter(file);
      const scratch = new Scratch();
      let done = 0;
      for (const { name, header, tensor } of entries) {
        signal?.throwIfAborted();
        const data = scratch.dataOf(tensor);
        if (compress) await archive.addDeflated(name, [header, data]);
        else await archive.addStored(name, [header, data]);
        done += data.byteLength;
        onProgress?.({ stage: "write", done, total });
      }
      signal?.throwIfAborted();
      await archive.end();
    },
    { sync, signal },
  );
}

function checkName(name: string): void {
  const unsafe = /^[/\\]|^[a-zA-Z]:|(?:^|[/\\])\.\.(?:[/\\]|$)|\0|\p{Surrogate}/u.test(name);
  if (name === "" || unsafe || Buffer.byteLength(name) + 4 > MAX_NAME_BYTES)
    throw outOfRange("a name that is a path inside the archive", "tensor", name);
}
