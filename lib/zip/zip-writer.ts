import { createDeflateRaw } from "node:zlib";
import type { FileSink } from "../files/replace-file.js";
import { type ByteRegion, chunksOf } from "../tensor.js";
import { checksumOf } from "./checksum.js";
import {
  CENTRAL,
  DEFLATED,
  END,
  END64,
  EXTRA_ALIGNMENT,
  EXTRA_ZIP64,
  FLAG_UTF8,
  IN_EXTRA_16,
  IN_EXTRA_32,
  LOCAL,
  LOCATOR64,
  STORED,
} from "./records.js";

/** Data of stored entries begins at a multiple of it; numpy pads its own headers to the same. */
const ALIGNMENT = 64;
/** The first day the format knows: the same tensors give the same bytes. */
const FIRST_DAY = 0x0021;
const VERSION = 20;
const VERSION_64 = 45;
/** A file that its owner reads and writes, as a Unix mode in the upper half. */
const ATTRIBUTES = 0o600 << 16;

interface Written {
  readonly name: Buffer;
  readonly method: number;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly offset: number;
}

/**
 * Writes a zip archive entry by entry, with 64-bit sizes where 32 bits are not enough. Names must differ and be text.
 * Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export class ZipWriter {
  private readonly entries: Written[] = [];

  constructor(private readonly file: FileSink) {}

  /** Straight from memory, aligned. */
  async addStored(name: string, pieces: readonly ByteRegion[]): Promise<void> {
    const size = total(pieces);
    const entry = this.entry(name, STORED, checksumOf(pieces), size, size);
    await this.file.write([localHeader(entry), ...pieces]);
  }

  /** The compressed bytes are held in memory until their size is known. */
  async addDeflated(name: string, pieces: readonly ByteRegion[]): Promise<void> {
    const compressed = await deflate(pieces);
    const entry = this.entry(name, DEFLATED, checksumOf(pieces), total(compressed), total(pieces));
    await this.file.write([localHeader(entry), ...compressed]);
  }

  /** Writes the directory, by which readers find the entries. */
  async end(): Promise<void> {
    const offset = this.file.length;
    const directory = Buffer.concat(this.entries.map(centralHeader));
    await this.file.write([directory, endRecords(this.entries.length, offset, directory.byteLength)]);
  }

  private entry(name: string, method: number, crc: number, compressedSize: number, size: number): Written {
    const entry = { name: Buffer.from(name), method, crc, compressedSize, size, offset: this.file.length };
    this.entries.push(entry);
    return entry;
  }
}

function total(pieces: readonly ByteRegion[]): number {
  return pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

async function deflate(pieces: readonly ByteRegion[]): Promise<Uint8Array[]> {
  const stream = createDeflateRaw();
  const compressed: Uint8Array[] = [];
  const done = new Promise<void>((resolve, reject) => {
    stream.on("data", (chunk: Buffer) => compressed.push(chunk));
    stream.on("end", resolve);
    stream.on("error", reject);
  });
  for (const piece of pieces) for (const chunk of chunksOf(piece)) stream.write(chunk);
  stream.end();
  await done;
  return compressed;
}

function localHeader(entry: Written): Buffer {
  const { name, method, compressedSize, size, offset } = entry;
  const wide = size >= IN_EXTRA_32 || compressedSize >= IN_EXTRA_32;
  const sizes = wide ? extraField(EXTRA_ZIP64, [size, compressedSize]) : Buffer.alloc(0);
  const unaligned = offset + LOCAL.bytes + name.byteLength + sizes.byteLength;
  const extra = method === STORED ? Buffer.concat([sizes, alignmentField(unaligned)]) : sizes;
  const fixed = Buffer.alloc(LOCAL.bytes);
  fixed.writeUInt32LE(LOCAL.signature, 0);
  fixed.writeUInt16LE(wide ? VERSION_64 : VERSION, 4);
  writeShared(fixed, 6, entry, wide);
  fixed.writeUInt16LE(name.byteLength, 26);
  fixed.writeUInt16LE(extra.byteLength, 28);
  return Buffer.concat([fixed, name, extra]);
}

/** Flags, method, time, checksum and sizes, which both headers of an entry have in this order. */
function writeShared(
  record: Buffer,
  at: number,
  { name, method, crc, compressedSize, size }: Written,
  wide: boolean,
): void {
  record.writeUInt16LE(name.every((byte) => byte < 128) ? 0 : FLAG_UTF8, at);
  record.writeUInt16LE(method, at + 2);
  record.writeUInt16LE(0, at + 4);
  record.writeUInt16LE(FIRST_DAY, at + 6);
  record.writeUInt32LE(crc, at + 8);
  record.writeUInt32LE(wide ? IN_EXTRA_32 : compressedSize, at + 12);
  record.writeUInt32LE(wide ? IN_EXTRA_32 : size, at + 16);
}

function extraField(id: number, values: readonly number[]): Buffer {
  const field = Buffer.alloc(4 + values.length * 8);
  field.writeUInt16LE(id, 0);
  field.writeUInt16LE(values.length * 8, 2);
  values.forEach((value, i) => {
    field.writeBigUInt64LE(BigInt(value), 4 + i * 8);
  });
  return field;
}

/** A field that fills up to the alignment, with the alignment in it. */
function alignmentField(offset: number): Buffer {
  const length = 6 + ((ALIGNMENT - ((offset + 6) % ALIGNMENT)) % ALIGNMENT);
  const field = Buffer.alloc(length);
  field.writeUInt16LE(EXTRA_ALIGNMENT, 0);
  field.writeUInt16LE(length - 4, 2);
  field.writeUInt16LE(ALIGNMENT, 4);
  return field;
}

function centralHeader(entry: Written): Buffer {
  const { name, compressedSize, size, offset } = entry;
  const wide = size >= IN_EXTRA_32 || compressedSize >= IN_EXTRA_32;
  const far = offset >= IN_EXTRA_32;
  const extra =
    wide || far
      ? extraField(EXTRA_ZIP64, [...(wide ? [size, compressedSize] : []), ...(far ? [offset] : [])])
      : Buffer.alloc(0);
  const fixed = Buffer.alloc(CENTRAL.bytes);
  fixed.writeUInt32LE(CENTRAL.signature, 0);
  // Made on Unix (3), which is what gives the attributes their meaning.
  fixed.writeUInt16LE((3 << 8) | VERSION_64, 4);
  fixed.writeUInt16LE(wide || far ? VERSION_64 : VERSION, 6);
  writeShared(fixed, 8, entry, wide);
  fixed.writeUInt16LE(name.byteLength, 28);
  fixed.writeUInt16LE(extra.byteLength, 30);
  fixed.writeUInt32LE(ATTRIBUTES, 38);
  fixed.writeUInt32LE(far ? IN_EXTRA_32 : offset, 42);
  return Buffer.concat([fixed, name, extra]);
}

function endRecords(count: number, offset: number, size: number): Buffer {
  const end = Buffer.alloc(END.bytes);
  end.writeUInt32LE(END.signature, 0);
  end.writeUInt16LE(Math.min(count, IN_EXTRA_16), 8);
  end.writeUInt16LE(Math.min(count, IN_EXTRA_16), 10);
  end.writeUInt32LE(Math.min(size, IN_EXTRA_32), 12);
  end.writeUInt32LE(Math.min(offset, IN_EXTRA_32), 16);
  if (count < IN_EXTRA_16 && size < IN_EXTRA_32 && offset < IN_EXTRA_32) return end;
  const wide = Buffer.alloc(END64.bytes + LOCATOR64.bytes);
  wide.writeUInt32LE(END64.signature, 0);
  wide.writeBigUInt64LE(BigInt(END64.bytes - 12), 4);
  wide.writeUInt16LE((3 << 8) | VERSION_64, 12);
  wide.writeUInt16LE(VERSION_64, 14);
  wide.writeBigUInt64LE(BigInt(count), 24);
  wide.writeBigUInt64LE(BigInt(count), 32);
  wide.writeBigUInt64LE(BigInt(size), 40);
  wide.writeBigUInt64LE(BigInt(offset), 48);
  wide.writeUInt32LE(LOCATOR64.signature, END64.bytes);
  wide.writeBigUInt64LE(BigInt(offset + size), END64.bytes + 8);
  wide.writeUInt32LE(1, END64.bytes + 16);
  return Buffer.concat([wide, end]);
}
