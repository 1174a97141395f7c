import { ModelFormatError } from "../errors.js";
import type { MappedFile } from "../files/map-file.js";
import { MAX_DIRECTORY_BYTES, MAX_ENTRIES } from "./limits.js";
import {
  CENTRAL,
  END,
  END64,
  EXTRA_ZIP64,
  FLAG_ENCRYPTED,
  IN_EXTRA_16,
  IN_EXTRA_32,
  LOCAL,
  LOCATOR64,
} from "./records.js";

const MAX_COMMENT_BYTES = 65535;

/** What the directory of an archive says of an entry. */
export interface ZipEntry {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  /** Of the entry's own header, which comes before its data. */
  readonly offset: number;
  /** Where the next entry or the directory begins. */
  readonly limit: number;
}

type UnboundedEntry = { -readonly [Field in keyof ZipEntry]: ZipEntry[Field] };

interface DirectoryPlace {
  readonly count: number;
  readonly offset: number;
  readonly size: number;
}

/**
 * Reads the directory of a zip archive, in its order. Refuses what lets two readers see two archives in one file: bytes
 * before the first entry's offset that shift all others, entries that overlap, names that come twice. Names are only
 * names here: nothing is ever written to where they point.
 * Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 *
 * @throws ModelFormatError FORMAT_UNKNOWN, DATA_TRUNCATED, HEADER_INVALID, HEADER_TOO_LARGE, TEXT_NOT_UTF8, TENSOR_OVERLAP
 */
export function readDirectory(file: MappedFile): Map<string, ZipEntry> {
  const { path } = file;
  const { count, offset, size } = findDirectory(file);
  if (count > MAX_ENTRIES || size > MAX_DIRECTORY_BYTES)
    throw new ModelFormatError(
      "HEADER_TOO_LARGE",
      `a directory of ${count} entries in ${size} bytes is over the limit of ${MAX_ENTRIES} in ${MAX_DIRECTORY_BYTES}`,
      { path, offset },
    );
  const bytes = file.read(offset, size);
  const entries: UnboundedEntry[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const place = { path, field: `entry ${i}`, offset: offset + at };
    if (at + CENTRAL.bytes > size) throw invalid("the directory ends before this entry", place);
    const { entry, length } = readCentral(bytes, at, place);
    entries.push(entry);
    at += length;
  }
  if (at !== size)
    throw invalid(`${size - at} bytes of the directory belong to no entry`, { path, offset: offset + at });
  return bounded(entries, offset, path);
}

interface Place {
  path: string;
  field?: string;
  offset: number;
}

function invalid(message: string, place: Place): ModelFormatError {
  return new ModelFormatError("HEADER_INVALID", message, place);
}

/** By the record at the end of the file, which a comment of up to 64 KiB may follow. */
function findDirectory(file: MappedFile): DirectoryPlace {
  const { path, size } = file;
  const tailStart = Math.max(0, size - END.bytes - MAX_COMMENT_BYTES - LOCATOR64.bytes);
  const tail = Buffer.from(file.read(tailStart, size - tailStart).buffer);
  let at = tail.byteLength - END.bytes;
  while (
    at >= 0 &&
    !(
      tail.readUInt32LE(at) === END.signature &&
      at + END.bytes + tail.readUInt16LE(at + 20) === tail.byteLength
    )
  )
    at--;
  if (at < 0)
    throw new ModelFormatError(
      size >= 4 && file.read(0, 4)[0] === 0x50 ? "DATA_TRUNCATED" : "FORMAT_UNKNOWN",
      "this is not a whole zip archive: the record of its directory at the end is missing",
      { path },
    );
  const end = tailStart + at;
  const place = { path, field: "end of directory", offset: end };
  const narrow = {
    count: tail.readUInt16LE(at + 10),
    size: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  };
  const disks = [tail.readUInt16LE(at + 4), tail.readUInt16LE(at + 6)];
  const locator = at - LOCATOR64.bytes;
  if (locator >= 0 && tail.readUInt32LE(locator) === LOCATOR64.signature)
    return findDirectory64(file, Number(tail.readBigUInt64LE(locator + 8)), end - LOCATOR64.bytes, narrow);
  if (disks.some((disk) => disk !== 0) || tail.readUInt16LE(at + 8) !== narrow.count)
    throw invalid("the archive is split over several files, which is not supported", place);
  return checkPlace(narrow, end, place);
}

function findDirectory64(
  file: MappedFile,
  offset: number,
  locator: number,
  narrow: DirectoryPlace,
): DirectoryPlace {
  const place = { path: file.path, field: "zip64 end of directory", offset };
  if (!(offset <= locator - END64.bytes)) throw invalid("it does not lie before what points to it", place);
  const record = Buffer.from(file.read(offset, END64.bytes).buffer);
  const recordBytes = 12 + Number(record.readBigUInt64LE(4));
  if (record.readUInt32LE(0) !== END64.signature || offset + recordBytes !== locator)
    throw invalid("there is no such record, or it does not end where it should", place);
  const wide = {
    count: Number(record.readBigUInt64LE(32)),
    size: Number(record.readBigUInt64LE(40)),
    offset: Number(record.readBigUInt64LE(48)),
  };
  const one = record.readUInt32LE(16) === 0 && record.readUInt32LE(20) === 0;
  if (!one || Number(record.readBigUInt64LE(24)) !== wide.count)
    throw invalid("the archive is split over several files, which is not supported", place);
  const agree = (value: number, short: number, absent: number) => short === absent || short === value;
  if (
    !agree(wide.count, narrow.count, IN_EXTRA_16) ||
    !agree(wide.size, narrow.size, IN_EXTRA_32) ||
    !agree(wide.offset, narrow.offset, IN_EXTRA_32)
  )
    throw invalid("it contradicts the record of 32-bit sizes", place);
  return checkPlace(wide, offset, place);
}

function checkPlace(directory: DirectoryPlace, end: number, place: Place): DirectoryPlace {
  if (directory.offset + directory.size !== end)
    throw invalid(
      `a directory of ${directory.size} bytes at byte ${directory.offset} does not end here; is something before or inside the archive?`,
      place,
    );
  return directory;
}

function readCentral(bytes: Uint8Array, at: number, place: Place): { entry: UnboundedEntry; length: number } {
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (record.readUInt32LE(at) !== CENTRAL.signature) throw invalid("there is no entry here", place);
  const nameBytes = record.readUInt16LE(at + 28);
  const extraBytes = record.readUInt16LE(at + 30);
  const length = CENTRAL.bytes + nameBytes + extraBytes + record.readUInt16LE(at + 32);
  if (at + length > record.byteLength) throw invalid("the entry passes the end of the directory", place);
  const nameStart = at + CENTRAL.bytes;
  const name = readName(record.subarray(nameStart, nameStart + nameBytes), place);
  const flags = record.readUInt16LE(at + 8);
  const named = { ...place, field: name };
  if (flags & FLAG_ENCRYPTED) throw invalid("the entry is encrypted, which is not supported", named);
  const extra = record.subarray(nameStart + nameBytes, nameStart + nameBytes + extraBytes);
  const fields = [record.readUInt32LE(at + 24), record.readUInt32LE(at + 20), record.readUInt32LE(at + 42)];
  const [size, compressedSize, offset] = readWideSizes(fields, extra, named);
  if (record.readUInt16LE(at + 34) !== 0) throw invalid("the entry lies in another file", named);
  const entry = {
    name,
    flags,
    method: record.readUInt16LE(at + 10),
    crc: record.readUInt32LE(at + 16),
    compressedSize: compressedSize!,
    size: size!,
    offset: offset!,
    limit: 0,
  };
  return { entry, length };
}

function readName(bytes: Uint8Array, place: Place): string {
  let name: string;
  try {
    name = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ModelFormatError("TEXT_NOT_UTF8", "the name is not UTF-8", { ...place, cause });
  }
  // Some readers end a name at its first zero byte, and then see another entry.
  if (name === "" || name.includes("\0")) throw invalid("the name is empty or holds a zero byte", place);
  return name;
}

/** Sizes, in the order of the format, that stand in the extra field where the 32-bit one is all ones. */
export function readWideSizes(fields: readonly number[], extra: Buffer, place: Place): number[] {
  const wide: number[] = [];
  let found = false;
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (end > extra.byteLength) throw invalid("an extra field passes the end of its record", place);
    if (extra.readUInt16LE(at) === EXTRA_ZIP64) {
      if (found) throw invalid("the 64-bit sizes come twice", place);
      found = true;
      for (let value = at + 4; value + 8 <= end; value += 8) wide.push(Number(extra.readBigUInt64LE(value)));
    }
    at = end;
  }
  return fields.map((field) => {
    if (field !== IN_EXTRA_32) return field;
    const value = wide.shift();
    if (value === undefined || !Number.isSafeInteger(value))
      throw invalid("a 64-bit size is missing or passes 2^53", place);
    return value;
  });
}

/** Gives every entry the place where the next one begins, which its data must not pass. */
function bounded(entries: readonly UnboundedEntry[], directory: number, path: string): Map<string, ZipEntry> {
  let limit = directory;
  for (const entry of entries.toSorted((a, b) => b.offset - a.offset)) {
    entry.limit = limit;
    limit = entry.offset;
  }
  const byName = new Map<string, ZipEntry>();
  for (const entry of entries) {
    const { name, offset, compressedSize, limit } = entry;
    const place = { path, field: name, offset };
    if (byName.has(name)) throw invalid("the name comes twice", place);
    if (offset + LOCAL.bytes + compressedSize > limit)
      throw new ModelFormatError(
        offset >= directory || limit === directory ? "DATA_TRUNCATED" : "TENSOR_OVERLAP",
        `its ${compressedSize} bytes pass byte ${limit}, where what follows begins`,
        place,
      );
    byName.set(name, entry);
  }
  return byName;
}
