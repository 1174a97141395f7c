import { ModelFormatError } from "../errors.js";
import { type MapOptions, mapFile } from "../files/map-file.js";
import { byteCount, type Tensor } from "../tensor.js";
import { decodeArray } from "./decode.js";
import { readHeader } from "./header.js";

/** A tensor on a file of its own. */
export interface NpyFile extends Tensor {
  /** Gives the file back; `data` becomes empty where it is a view of the file. */
  close(): void;
}

/**
 * Reads an array that numpy.save wrote, versions 1.0 to 3.0. Little-endian data in C order is a view of the file; what is
 * big-endian or in Fortran order is brought into that order in memory. Objects are pickles and are never loaded.
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @throws ModelFormatError that names the file and the byte: FILE_UNREADABLE, FORMAT_UNKNOWN, DATA_TRUNCATED,
 * HEADER_INVALID, HEADER_TOO_LARGE, or TENSOR_INVALID, also for elements that are no numbers of a Tensor's types
 */
export function readNpy(path: string, options: MapOptions = {}): NpyFile {
  const file = mapFile(path, options);
  try {
    const { size } = file;
    const head = (length: number) => file.read(0, Math.min(length, size));
    const { element, shape, fortranOrder, dataOffset } = readHeader({ path, size, head });
    if ("unsupported" in element)
      throw new ModelFormatError("TENSOR_INVALID", `its elements are ${element.unsupported}`, { path });
    const region = file.region(dataOffset, byteCount(element.dtype, shape));
    const tensor = decodeArray(region, element, shape, fortranOrder);
    return { ...tensor, close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}
