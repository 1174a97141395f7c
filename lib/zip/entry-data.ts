import { constants, inflateRawSync } from "node:zlib";
import { ModelFormatError } from "../errors.js";
import type { MappedFile } from "../files/map-file.js";
import type { ByteRegion } from "../tensor.js";
import { checksumOf } from "./checksum.js";
import { readWideSizes, type ZipEntry } from "./directory.js";
import { HeadReader } from "./head-reader.js";
import { FREE_INFLATED_BYTES, MAX_RATIO } from "./limits.js";
import { DEFLATED, FLAG_DESCRIPTOR, LOCAL, STORED } from "./records.js";

/** The data of an entry, in the file or out of it. */
export interface EntryData {
  /** In bytes, once inflated. */
  readonly size: number;
  /** The first bytes, without inflating or checking the others; fewer where the entry is shorter. */
  head(length: number): Uint8Array;
  /** All of it: a view of the file where it is stored. `crc: false` leaves out the checksum. */
  bytes(options?: { crc?: boolean }): ByteRegion;
  /** Whether `bytes` is a view of the file. */
  readonly stored: boolean;
}

/**
 * Opens an entry, whose own header must say what the directory says.
 *
 * @throws ModelFormatError HEADER_INVALID, HEADER_TOO_LARGE for what inflates beyond its limit, TENSOR_OVERLAP; from
 * `bytes` DATA_MISMATCH for another size or checksum than declared
 */
export function openEntry(
  file: MappedFile,
  entry: ZipEntry,
  heads: HeadReader = new HeadReader(file),
): EntryData {
  const start = readLocalHeader(file, entry, heads);
  const { name, method, size, compressedSize } = entry;
  const place = { path: file.path, field: name, offset: start };
  if (method === STORED && size === compressedSize) return new StoredData(file, entry, start, heads);
  if (method !== DEFLATED)
    throw new ModelFormatError(
      "HEADER_INVALID",
      method === STORED
        ? `it is stored in ${compressedSize} bytes, but declares ${size}`
        : `compression method ${method} is not supported; only stored and deflated entries are`,
      place,
    );
  if (size > FREE_INFLATED_BYTES && size > MAX_RATIO * compressedSize)
    throw new ModelFormatError(
      "HEADER_TOO_LARGE",
      `${compressedSize} bytes would inflate to ${size}, more than ${MAX_RATIO} times as many; unpack the archive with another tool if that is meant`,
      place,
    );
  return new DeflatedData(file, entry, start, heads);
}

/** Where the data of an entry begins, which its own header says. */
function readLocalHeader(file: MappedFile, entry: ZipEntry, heads: HeadReader): number {
  const { name, offset, limit, flags, method, crc, size, compressedSize } = entry;
  const place = { path: file.path, field: name, offset };
  const invalid = (message: string) => new ModelFormatError("HEADER_INVALID", message, place);
  const read = (length: number) => asBuffer(heads.read(offset, Math.min(length, limit - offset), name));
  let block = read(LOCAL.bytes);
  if (block.readUInt32LE(0) !== LOCAL.signature) throw invalid("the entry's own header is not there");
  const nameEnd = LOCAL.bytes + block.readUInt16LE(26);
  const dataStart = nameEnd + block.readUInt16LE(28);
  if (offset + dataStart + compressedSize > limit)
    throw new ModelFormatError("TENSOR_OVERLAP", "the entry shares bytes with what follows it", place);
  block = read(dataStart);
  const agrees =
    block.subarray(LOCAL.bytes, nameEnd).equals(Buffer.from(name)) &&
    block.readUInt16LE(6) === flags &&
    block.readUInt16LE(8) === method;
  if (!agrees) throw invalid("the entry's own header says something else than the directory");
  if ((flags & FLAG_DESCRIPTOR) === 0) {
    const fields = [block.readUInt32LE(22), block.readUInt32LE(18)];
    const sizes = readWideSizes(fields, block.subarray(nameEnd, dataStart), place);
    if (sizes[0] !== size || sizes[1] !== compressedSize || block.readUInt32LE(14) !== crc)
      throw invalid("the entry's own header gives another size or checksum than the directory");
  }
  return offset + dataStart;
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

class StoredData implements EntryData {
  readonly stored = true;
  readonly size: number;
  constructor(
    private readonly file: MappedFile,
    private readonly entry: ZipEntry,
    private readonly start: number,
    private readonly heads: HeadReader,
  ) {
    this.size = entry.size;
  }

  head(length: number): Uint8Array {
    return this.heads.read(this.start, Math.min(length, this.size), this.entry.name);
  }

  bytes({ crc = true } = {}): ByteRegion {
    const region = this.file.region(this.start, this.size, this.entry.name);
    if (crc) checkCrc(region, this.entry, this.file.path);
    return region;
  }
}

/** How many compressed bytes give a header, nearly always. */
const HEAD_INPUT_BYTES = 1024;

class DeflatedData implements EntryData {
  readonly stored = false;
  readonly size: number;
  constructor(
    private readonly file: MappedFile,
    private readonly entry: ZipEntry,
    private readonly start: number,
    private readonly heads: HeadReader,
  ) {
    this.size = entry.size;
  }

  head(length: number): Uint8Array {
    const { compressedSize, name } = this.entry;
    const wanted = Math.min(length, this.size);
    for (let input = HEAD_INPUT_BYTES; ; input *= 4) {
      const count = Math.min(input, compressedSize);
      // Without the end of the stream there is no error, only what came so far.
      const { buffer } = this.inflate(this.heads.read(this.start, count, name), {
        finishFlush: constants.Z_SYNC_FLUSH,
      });
      if (buffer.byteLength >= wanted || count === compressedSize) return buffer.subarray(0, wanted);
    }
  }

  bytes({ crc = true } = {}): ByteRegion {
    const { name, compressedSize, size } = this.entry;
    const input = this.file.bytes(this.start, compressedSize, name);
    const { buffer, consumed } = this.inflate(input, {
      maxOutputLength: Math.max(1, size),
      chunkSize: Math.max(64, size + 1),
    });
    if (buffer.byteLength !== size || consumed !== compressedSize)
      throw this.mismatch(
        `${consumed} of its ${compressedSize} bytes inflate to ${buffer.byteLength}, but ${size} are declared`,
      );
    if (crc) checkCrc(buffer, this.entry, this.file.path);
    return buffer;
  }

  private inflate(input: Uint8Array, options: object): { buffer: Buffer; consumed: number } {
    try {
      const { buffer, engine } = inflateRawSync(input, { ...options, info: true }) as unknown as {
        buffer: Buffer;
        engine: { bytesWritten: number };
      };
      return { buffer, consumed: engine.bytesWritten };
    } catch (cause) {
      throw this.mismatch(
        (cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE"
          ? `it inflates to more than the ${this.size} bytes that are declared`
          : `its data cannot be inflated: ${(cause as Error).message}`,
        cause,
      );
    }
  }

  private mismatch(message: string, cause?: unknown): ModelFormatError {
    const details = { path: this.file.path, field: this.entry.name, offset: this.start, cause };
    return new ModelFormatError("DATA_MISMATCH", message, details);
  }
}

function checkCrc(region: ByteRegion, { crc, name }: ZipEntry, path: string): void {
  if (checksumOf([region]) !== crc)
    throw new ModelFormatError("DATA_MISMATCH", "the checksum does not fit the data: the file is damaged", {
      path,
      field: name,
    });
}
