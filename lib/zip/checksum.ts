import { crc32 } from "node:zlib";
import { type ByteRegion, chunksOf } from "../tensor.js";

/** The CRC-32 of pieces of memory one after the other. */
export function checksumOf(pieces: readonly ByteRegion[]): number {
  let crc = 0;
  // Of no bytes zlib gives 0 instead of what came before.
  for (const piece of pieces)
    for (const chunk of chunksOf(piece)) if (chunk.byteLength > 0) crc = crc32(chunk, crc);
  return crc;
}
