import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { ModelFormatError } from "../errors.js";
import { type Tensor, viewAs } from "../tensor.js";
import { MAX_HEADER_BYTES, PREFIX_BYTES, parseHeader } from "./header.js";

/** Node refuses single reads of 2 GiB and more. */
const CHUNK_BYTES = 64 * 1024 * 1024;

export interface SafetensorsFile {
  /** By name, in the order of the header. */
  tensors: Map<string, Tensor>;
  metadata: Record<string, string>;
  /** Gives the tensors' memory back; they must not be used afterwards. */
  close(): void;
}

/**
 * Reads a safetensors file whole, checking all of its header first.
 * Throws a ModelFormatError that names the file, the tensor and the byte: FILE_UNREADABLE, DATA_TRUNCATED,
 * HEADER_TOO_LARGE, HEADER_INVALID, TEXT_NOT_UTF8, TENSOR_INVALID or TENSOR_OVERLAP.
 */
export function readSafetensors(path: string): SafetensorsFile {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (cause) {
    throw unreadable(path, cause);
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw unreadable(path, new Error("this is not a regular file"));
    const { size } = stat;
    const headerBytes = readHeaderLength(file, size, path);
    const header = readBytes(file, PREFIX_BYTES, headerBytes, path);
    const dataStart = PREFIX_BYTES + headerBytes;
    const { tensors: entries, metadata } = parseHeader(header, size - dataStart, path);
    const tensors = new Map<string, Tensor>();
    for (const [name, { dtype, shape, begin, end }] of entries) {
      const bytes = readBytes(file, dataStart + begin, end - begin, path, name);
      tensors.set(name, { dtype, shape, data: viewAs(dtype, bytes) });
    }
    return { tensors, metadata: Object.fromEntries(metadata), close: () => tensors.clear() };
  } finally {
    closeSync(file);
  }
}

function readHeaderLength(file: number, size: number, path: string): number {
  if (size < PREFIX_BYTES)
    throw new ModelFormatError("DATA_TRUNCATED", `${size} bytes are too few for a safetensors file`, {
      path,
    });
  const prefix = readBytes(file, 0, PREFIX_BYTES, path);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES)
    throw new ModelFormatError(
      "HEADER_TOO_LARGE",
      `a header of ${length} bytes is over the format's limit of ${MAX_HEADER_BYTES}; is this a safetensors file?`,
      { path, offset: 0 },
    );
  if (length > size - PREFIX_BYTES)
    throw new ModelFormatError(
      "DATA_TRUNCATED",
      `the header takes ${length} bytes, but only ${size - PREFIX_BYTES} follow`,
      { path, offset: 0 },
    );
  return Number(length);
}

/** Bytes in memory of their own, so that every element type is aligned. */
function readBytes(
  file: number,
  position: number,
  length: number,
  path: string,
  field?: string,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const wanted = Math.min(CHUNK_BYTES, length - done);
    let bytesRead: number;
    try {
      bytesRead = readSync(file, bytes, done, wanted, position + done);
    } catch (cause) {
      throw unreadable(path, cause);
    }
    if (bytesRead === 0)
      throw new ModelFormatError("DATA_TRUNCATED", "the file became shorter while it was read", {
        path,
        field,
        offset: position + done,
      });
    done += bytesRead;
  }
  return bytes;
}

function unreadable(path: string, cause: unknown): ModelFormatError {
  return new ModelFormatError("FILE_UNREADABLE", (cause as Error).message, { path, cause });
}
