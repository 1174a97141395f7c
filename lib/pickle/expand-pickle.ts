import { gunzipSync, inflateSync } from "node:zlib";
import { MAX_INFLATED_BYTES } from "./limits.js";

export interface Expanded {
  readonly compression: string;
  /** Absent where they cannot be had here; `problem` says why. */
  readonly bytes?: Uint8Array;
  readonly problem?: string;
}

/** What joblib compresses with, by the first byte. */
const COMPRESSIONS = new Map([
  [0x1f, { name: "gzip", expand: gunzipSync }],
  [0x78, { name: "zlib", expand: inflateSync }],
  [0x42, { name: "bzip2" }],
  [0xfd, { name: "xz" }],
  [0x5d, { name: "lzma" }],
  [0x04, { name: "lz4" }],
]);

/** The bytes in a compressed file, as far as Node can expand them and they are not too many. */
export function expandPickle(bytes: Uint8Array): Expanded {
  const { name: compression, expand } = COMPRESSIONS.get(bytes[0]!)!;
  const byHand = `decompress it with ${compression === "zlib" ? "Python's zlib" : compression}, then inspect the result`;
  if (expand === undefined)
    return {
      compression,
      problem: `what is compressed with ${compression} cannot be looked into here; ${byHand}`,
    };
  try {
    return { compression, bytes: expand(bytes, { maxOutputLength: MAX_INFLATED_BYTES }) };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== "ERR_BUFFER_TOO_LARGE")
      return { compression, problem: `it cannot be decompressed: ${message}` };
    return { compression, problem: `it holds more than ${MAX_INFLATED_BYTES} bytes; ${byHand}` };
  }
}
