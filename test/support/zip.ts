import { crc32 } from "node:zlib";
import { Bytes } from "./refusal.js";

/** An entry of an archive that is built byte by byte; what is not given is what a sound archive has. */
export interface ZippedEntry {
  name: string | Uint8Array;
  /** As it stands in the archive. */
  data: Uint8Array;
  /** What the headers say; `local` is what only the entry's own header says. */
  flags?: number;
  method?: number;
  crc?: number;
  compressedSize?: number;
  size?: number;
  offset?: number;
  extra?: Uint8Array;
  local?: Partial<Pick<ZippedEntry, "name" | "flags" | "method" | "crc" | "compressedSize" | "size">>;
}

export interface ZipEnd {
  count?: number;
  size?: number;
  offset?: number;
  comment?: string;
  /** Stands before the record at the end. */
  before?: Uint8Array;
}

/** A zip archive of these entries. */
export function zip(entries: readonly ZippedEntry[], end: ZipEnd = {}): Uint8Array {
  const archive = new Bytes();
  const directory = new Bytes();
  for (const entry of entries) {
    const place = { offset: archive.length, extra: new Uint8Array(0), ...entry };
    archive.raw(shared({ ...entry, ...entry.local }, [0x04034b50], [20], 0)).raw(entry.data);
    directory
      .raw(shared(entry, [0x02014b50], [20, 20], place.extra.byteLength, place.offset))
      .raw(place.extra);
  }
  const offset = archive.length;
  const comment = end.comment ?? "";
  return archive
    .raw(directory.end())
    .raw(end.before ?? new Uint8Array(0))
    .u32(0x06054b50)
    .u16(0, 0, end.count ?? entries.length, end.count ?? entries.length)
    .u32(end.size ?? directory.length, end.offset ?? offset)
    .u16(comment.length)
    .text(comment)
    .end();
}

/** The header of an entry, with its name. */
function shared(
  { name, data, flags, method, crc, compressedSize, size }: ZippedEntry,
  signature: number[],
  versions: number[],
  extraBytes: number,
  offset?: number,
): Uint8Array {
  const bytes = typeof name === "string" ? Buffer.from(name) : name;
  const header = new Bytes()
    .u32(...signature)
    .u16(...versions, flags ?? 0, method ?? 0, 0, 33)
    .u32(crc ?? crc32(data), compressedSize ?? data.byteLength, size ?? data.byteLength)
    .u16(bytes.byteLength, extraBytes);
  if (offset !== undefined) header.u16(0, 0, 0).u32(0, offset);
  return header.raw(bytes).end();
}
