import { promisify } from "node:util";
import { deflateRaw } from "node:zlib";
import { mapFile } from "../../files/map-file.js";

/** What is compressed at once, and of how much of a larger set of files the size is told by parts. */
const PIECE_BYTES = 1024 * 1024;
const MOST_PIECES = 16;

export interface DeflatedSize {
  bytes: number;
  /** Told by parts that lie evenly over the files, where these are larger than 16 MiB. */
  estimated: boolean;
}

const deflate = promisify(deflateRaw);

/** What files come to in a zip archive: deflate, at its usual level. */
export async function deflatedSize(paths: readonly string[], signal?: AbortSignal): Promise<DeflatedSize> {
  const files = paths.map((path) => mapFile(path));
  try {
    const pieces = files.flatMap((file) =>
      Array.from({ length: Math.ceil(file.size / PIECE_BYTES) }, (_, i) => {
        const begin = i * PIECE_BYTES;
        return { file, begin, length: Math.min(PIECE_BYTES, file.size - begin) };
      }),
    );
    const step = Math.max(1, pieces.length / MOST_PIECES);
    let [read, written] = [0, 0];
    for (let at = 0; at < pieces.length; at += step) {
      signal?.throwIfAborted();
      const { file, begin, length } = pieces[Math.floor(at)]!;
      written += (await deflate(file.bytes(begin, length))).byteLength;
      read += length;
    }
    const total = files.reduce((sum, { size }) => sum + size, 0);
    return { bytes: Math.round(read === 0 ? 0 : (written / read) * total), estimated: read < total };
  } finally {
    for (const file of files) file.close();
  }
}
