import { ModelFormatError } from "../errors.js";
import type { MappedFile } from "../files/map-file.js";
import { readDirectory } from "../zip/directory.js";
import { openEntry } from "../zip/entry-data.js";
import { MAX_INFLATED_BYTES, MAX_VIEW_BYTES } from "./limits.js";

export interface ZippedPickle {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Why a reader that checks would refuse it. */
  readonly problem?: string | undefined;
}

const PICKLE = /\.(?:pkl|pickle|joblib)$/i;

/**
 * The pickles of an archive, by their names. One whose checksum is wrong is given all the same: torch does not look at it.
 *
 * @throws ModelFormatError for an archive that is not sound, or HEADER_TOO_LARGE for a pickle that inflates to too much
 */
export function* picklesOfZip(file: MappedFile): Generator<ZippedPickle> {
  for (const [name, entry] of readDirectory(file)) {
    if (!PICKLE.test(name)) continue;
    const data = openEntry(file, entry);
    if (data.size > (data.stored ? MAX_VIEW_BYTES : MAX_INFLATED_BYTES))
      throw new ModelFormatError(
        "HEADER_TOO_LARGE",
        `a pickle of ${data.size} bytes is too large to look into`,
        {
          path: file.path,
          field: name,
        },
      );
    let problem: string | undefined;
    try {
      data.bytes();
    } catch (error) {
      // torch does not look at checksums: a wrong one must not hide what it would run.
      problem = (error as Error).message;
    }
    const { buffer, byteOffset, byteLength } = data.bytes({ crc: false });
    yield { name, bytes: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength), problem };
  }
}
