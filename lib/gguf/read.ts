import { type MapOptions, mapFile } from "../files/map-file.js";
import { LazyMap } from "../lazy-map.js";
import { type DType, type TypedArray, viewAs } from "../tensor.js";
import { type GgufEntry, readHeader } from "./header.js";
import { dtypeOfGguf, type GgufType } from "./tensor-type.js";
import type { GgufValue } from "./value.js";

export interface GgufTensor {
  /** The element type as ggml calls it. */
  readonly type: GgufType;
  /** The same as a dtype; undefined for quantized blocks, whose data is their bytes. */
  readonly dtype: DType | undefined;
  /** Sizes, outermost first. */
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

export interface GgufFile {
  /** By name, in the order of the file. Each is made when it is asked for: a view of the file, or read from it. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** Values with their types, in the order of the file. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** What the header says of each tensor; reading it touches no data. */
  readonly entries: ReadonlyMap<string, GgufEntry>;
  readonly version: number;
  /** In bytes; the offset of every tensor is a multiple of it. */
  readonly alignment: number;
  /** Gives the file back; its tensors become empty. */
  close(): void;
}

/**
 * Opens a GGUF file of version 2 or 3, checking its header first. Data is mapped, or with `mmap: false` read when a
 * tensor is asked for. Blocks of quantized types come as their bytes.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * @throws ModelFormatError that names the file, the tensor and the byte: FILE_UNREADABLE, FORMAT_UNKNOWN,
 * DATA_TRUNCATED, HEADER_INVALID, HEADER_TOO_LARGE, TEXT_NOT_UTF8, TENSOR_INVALID or TENSOR_OVERLAP
 */
export function readGguf(path: string, options: MapOptions = {}): GgufFile {
  const file = mapFile(path, options);
  try {
    const { entries, metadata, version, alignment } = readHeader(file);
    const tensors = new LazyMap(
      entries,
      ({ type, shape, byteLength, offset }: GgufEntry, name): GgufTensor => {
        const dtype = dtypeOfGguf(type);
        return { type, dtype, shape, data: viewAs(dtype ?? "uint8", file.region(offset, byteLength, name)) };
      },
    );
    return { tensors, metadata, entries, version, alignment, close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}
