import { type MapOptions, type MappedFile, mapFile } from "../files/map-file.js";
import { LazyMap } from "../lazy-map.js";
import type { DType, Tensor } from "../tensor.js";
import { readDirectory, type ZipEntry } from "../zip/directory.js";
import { type EntryData, openEntry } from "../zip/entry-data.js";
import { HeadReader } from "../zip/head-reader.js";
import { decodeArray } from "./decode.js";
import type { ElementType } from "./element-type.js";
import { readHeader } from "./header.js";

export interface NpzFile {
  /**
   * By name, without ".npy", in the order of the archive. Each is made and its checksum tested when it is asked for: a view
   * of the file where it is stored, aligned, little-endian and in C order, as writeNpz and most of numpy.savez's are; a
   * copy where not.
   */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** What the headers say of each tensor; reading it inflates no data. */
  readonly entries: ReadonlyMap<string, NpzEntry>;
  /** What else is in the archive, and why it is no tensor: text, Python objects, files that are no arrays. */
  readonly others: ReadonlyMap<string, string>;
  /** Gives the file back; tensors that are views of it become empty. */
  close(): void;
}

export interface NpzEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Bytes in the file, without the entry's headers where it is compressed. */
  readonly storedLength: number;
  readonly compressed: boolean;
}

interface Member {
  readonly element: ElementType;
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
  readonly dataOffset: number;
  readonly byteLength: number;
  readonly data: EntryData;
}

/**
 * Opens an archive of arrays that numpy.savez or numpy.savez_compressed wrote, checking all headers first. A deflated
 * array is inflated when it is asked for, to exactly the size that is declared: at most a thousand times its bytes, beyond
 * the first 16 MiB.
 *
 * @throws ModelFormatError that names the file, the entry and the byte: FILE_UNREADABLE, FORMAT_UNKNOWN, DATA_TRUNCATED,
 * HEADER_INVALID, HEADER_TOO_LARGE, TEXT_NOT_UTF8, TENSOR_INVALID or TENSOR_OVERLAP; for a tensor that is asked for,
 * DATA_MISMATCH where its checksum or size is another
 */
export function readNpz(path: string, options: MapOptions = {}): NpzFile {
  const file = mapFile(path, options);
  try {
    const members = new Map<string, Member>();
    const entries = new Map<string, NpzEntry>();
    const others = new Map<string, string>();
    const heads = new HeadReader(file);
    for (const [entryName, entry] of readDirectory(file)) {
      if (!entryName.endsWith(SUFFIX)) {
        others.set(entryName, "it is no .npy array");
        continue;
      }
      const name = entryName.slice(0, -SUFFIX.length);
      const member = openMember(file, entry, heads);
      if (typeof member === "string") {
        others.set(name, member);
        continue;
      }
      const { element, shape, byteLength, data } = member;
      const storedLength = data.stored ? byteLength : entry.compressedSize;
      members.set(name, member);
      entries.set(name, { dtype: element.dtype, shape, byteLength, storedLength, compressed: !data.stored });
    }
    const tensors = new LazyMap(members, decodeMember);
    return { tensors, entries, others, close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

const SUFFIX = ".npy";

/** An array of the archive, or why it is no tensor. */
function openMember(file: MappedFile, entry: ZipEntry, heads: HeadReader): Member | string {
  const data = openEntry(file, entry, heads);
  const { size } = data;
  const source = { path: file.path, field: entry.name, size, head: (length: number) => data.head(length) };
  // Field by field: of what is done for each of thousands of arrays, copying objects was a fifth.
  const { element, shape, fortranOrder, dataOffset } = readHeader(source);
  if ("unsupported" in element) return `its elements are ${element.unsupported}`;
  return { element, shape, fortranOrder, dataOffset, byteLength: size - dataOffset, data };
}

function decodeMember({ data, element, shape, fortranOrder, dataOffset, byteLength }: Member): Tensor {
  const { buffer, byteOffset } = data.bytes();
  const region = { buffer, byteOffset: byteOffset + dataOffset, byteLength };
  return decodeArray(region, element, shape, fortranOrder);
}
