import { constants, gunzipSync, inflateSync, type ZlibOptions } from "node:zlib";
import { MAX_INFLATED_BYTES } from "./limits.js";

export interface Expanded {
  readonly compression: string;
  /** From the start, as many as can be had here; absent where that is none. */
  readonly bytes?: Uint8Array;
  /** Why these are not all. */
  readonly problem?: string;
}

type Expand = (bytes: Uint8Array, options: ZlibOptions) => Uint8Array;

/** What joblib compresses with, by the first byte. */
const COMPRESSIONS = new Map<number, { name: string; expand?: Expand }>([
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
    const problem =
      code === "ERR_BUFFER_TOO_LARGE"
        ? `it holds more than ${MAX_INFLATED_BYTES} bytes, which were not all looked at; ${byHand}`
        : `it cannot be decompressed to its end: ${message}`;
    const beginning = expandBeginning(bytes, expand);
    return beginning ? { compression, bytes: beginning, problem } : { compression, problem };
  }
}

/** So few hold less than the limit. */
const FIRST_BYTES = 64;

/** At least a quarter of what may be had, or of what comes before damage: whoever loads it runs that much. */
function expandBeginning(bytes: Uint8Array, expand: Expand): Uint8Array | undefined {
  let beginning: Uint8Array | undefined;
  for (let count = FIRST_BYTES; ; count *= 2) {
    try {
      // Without the end of the stream there is no error, only what came so far.
      beginning = expand(bytes.subarray(0, count), {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: MAX_INFLATED_BYTES,
      });
    } catch {
      // Beyond the limit, or damaged; the part before is what there is.
      return beginning;
    }
    if (count >= bytes.byteLength) return beginning;
  }
}
