import { checkData } from "../check-data.js";
import { outOfRange } from "../errors.js";
import { tensorChecksum } from "../files/checksums.js";
import { type ReplaceOptions, replaceFile } from "../files/replace-file.js";
import { entriesOf, type NamedValues } from "../named-values.js";
import type { OnProgress } from "../progress.js";
import { Scratch } from "../scratch.js";
import type { DeferredTensor, Fill, Tensor, TypedArray } from "../tensor.js";
import { checksumMetadata, isChecksumKey } from "./checksum.js";
import { padded } from "./header.js";
import { encodeValue, HeaderWriter } from "./header-writer.js";
import {
  DEFAULT_ALIGNMENT,
  MAGIC,
  MAX_ALIGNMENT,
  MAX_DIMENSIONS,
  MAX_NAME_BYTES,
  MAX_TENSORS,
  VERSION,
} from "./limits.js";
import { dtypeOfGguf, GGUF_TYPES, type GgufType, ggufByteCount, ggufTypeOfDType } from "./tensor-type.js";
import type { GgufValue } from "./value.js";

/** A tensor of a dtype that GGUF has, or blocks of a quantized type as their bytes; either may be made when its turn comes. */
export type GgufInput =
  | Tensor
  | DeferredTensor
  | { readonly type: GgufType; readonly shape: readonly number[]; readonly data: TypedArray }
  | { readonly type: GgufType; readonly shape: readonly number[]; readonly fill: Fill };

export interface WriteGgufOptions extends ReplaceOptions {
  /** Values with their types, written in this order. `general.architecture` is what other tools look for first. */
  metadata?: NamedValues<GgufValue> | undefined;
  /** Put a SHA-256 of every tensor into the metadata, for verifyGguf. Default false. */
  checksums?: boolean | undefined;
  /** Told the bytes of data written so far. */
  onProgress?: OnProgress | undefined;
}

/**
 * Writes a GGUF file of version 3, whole or not at all, straight from the tensors' own memory and in their order. The bytes
 * are those that ggml's own Python package writes for the same tensors and metadata. Tensors are aligned to
 * `general.alignment` of the metadata, 32 bytes by default.
 *
 * @throws TypeError or RangeError for a tensor or value that the format has no type for, or whose shape and data disagree;
 * ModelFormatError FILE_UNWRITABLE; the signal's reason
 */
export async function writeGguf(
  path: string,
  tensors: NamedValues<GgufInput>,
  { metadata = {}, checksums = false, signal, onProgress, sync }: WriteGgufOptions = {},
): Promise<void> {
  // Checksums among it are of the file that it was read from.
  const values = [...entriesOf(metadata)].filter(([key]) => !isChecksumKey(key));
  const alignment = checkAlignment(values.find(([key]) => key === "general.alignment")?.[1]);
  const named = [...entriesOf(tensors)];
  if (named.length > MAX_TENSORS)
    throw outOfRange(`at most ${MAX_TENSORS} tensors, which readers take,`, "tensors", named.length);
  const entries = named.map(([name, tensor]) => checkTensor(name, tensor));
  const scratch = new Scratch();
  if (checksums) {
    const sumOf = (entry: Entry) => tensorChecksum(entry.type, entry.shape, dataOf(entry, scratch));
    values.push(...checksumMetadata(entries.map((entry) => [entry.name, sumOf(entry)] as const)));
  }
  const header = new HeaderWriter();
  header.uint32(MAGIC);
  header.uint32(VERSION);
  header.uint64(entries.length);
  header.uint64(values.length);
  for (const [key, value] of values) encodeValue(header, key, value);
  let end = 0;
  for (const { name, type, shape, byteLength } of entries) {
    header.string(name);
    header.uint32(shape.length);
    for (const size of shape.toReversed()) header.uint64(size);
    header.uint32(GGUF_TYPES[type].id);
    header.uint64(end);
    end = padded(end + byteLength, alignment);
  }
  const total = entries.reduce((sum, { byteLength }) => sum + byteLength, 0);
  await replaceFile(
    path,
    async (file) => {
      const pad = () => new Uint8Array(padded(file.length, alignment) - file.length);
      await file.write(header.finish());
      await file.write(pad());
      let done = 0;
      for (const entry of entries) {
        signal?.throwIfAborted();
        await file.write(dataOf(entry, scratch));
        await file.write(pad());
        done += entry.byteLength;
        onProgress?.({ stage: "write", done, total });
      }
    },
    { sync, signal },
  );
}

function checkAlignment(stored: GgufValue | undefined): number {
  if (stored === undefined) return DEFAULT_ALIGNMENT;
  const { type, value } = stored;
  if (type !== "uint32" || value <= 0 || value > MAX_ALIGNMENT || (value & (value - 1)) !== 0)
    throw outOfRange(`a uint32 that is a power of two up to ${MAX_ALIGNMENT}`, "general.alignment", value);
  return value;
}

interface Entry {
  readonly name: string;
  readonly type: GgufType;
  readonly shape: readonly number[];
  readonly byteLength: number;
  readonly data: TypedArray | Fill;
}

function dataOf({ type, shape, byteLength, data }: Entry, scratch: Scratch): TypedArray {
  if (typeof data !== "function") return data;
  const dtype = dtypeOfGguf(type);
  const made = dtype ? scratch.array(dtype, shape) : scratch.array("uint8", [byteLength]);
  data(made);
  return made;
}

function checkTensor(name: string, tensor: GgufInput): Entry {
  const what = `tensor ${JSON.stringify(name)}`;
  if (!name.isWellFormed() || Buffer.byteLength(name) > MAX_NAME_BYTES)
    throw outOfRange(`a name of at most ${MAX_NAME_BYTES} bytes without half characters`, "tensor", name);
  const { shape } = tensor;
  const type = "type" in tensor ? tensor.type : ggufTypeOfDType(tensor.dtype);
  if (type === undefined || !Object.hasOwn(GGUF_TYPES, type))
    throw outOfRange("a type that GGUF has", `dtype of ${what}`, "dtype" in tensor ? tensor.dtype : type);
  if (shape.length > MAX_DIMENSIONS || !shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw outOfRange(
      `at most ${MAX_DIMENSIONS} sizes, integers from 0,`,
      `shape of ${what}`,
      `[${shape.join(", ")}]`,
    );
  const byteLength = ggufByteCount(type, shape);
  if (byteLength === undefined)
    throw outOfRange(
      `a last size that is a multiple of ${GGUF_TYPES[type].elements}`,
      `shape of ${what}`,
      `[${shape.join(", ")}]`,
    );
  if ("fill" in tensor) return { name, type, shape, byteLength, data: tensor.fill };
  const { data } = tensor;
  checkData(dtypeOfGguf(type) ?? "uint8", data, byteLength, what);
  return { name, type, shape, byteLength, data };
}
