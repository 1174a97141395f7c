import { ModelFormatError } from "../errors.js";
import type { MappedFile } from "../files/map-file.js";
import { type HeaderPlace, readEntry, type SafetensorsEntry } from "./entry.js";
import { decodeHeader, HeaderText } from "./header-text.js";
import { checkLayout } from "./layout.js";

/** Bytes before the header: its own length, an unsigned 64-bit integer. */
export const PREFIX_BYTES = 8;
/** The format's own limit. */
export const MAX_HEADER_BYTES = 100_000_000;

export interface Header {
  /** In the order of the header. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads and checks the header of a file, which is number `index` of its set: every tensor of a known type, its bytes exactly those
 * of its shape, all tensors together filling the data without hole or overlap. Offsets in errors count from the start of the file.
 */
export function readHeader(file: MappedFile, index: number): Header {
  const { path, size } = file;
  const headerBytes = readHeaderLength(file);
  const place = { path, file: index, dataStart: PREFIX_BYTES + headerBytes, size };
  return parseHeader(file.read(PREFIX_BYTES, headerBytes), place);
}

function readHeaderLength(file: MappedFile): number {
  const { path, size } = file;
  if (size < PREFIX_BYTES)
    throw new ModelFormatError("DATA_TRUNCATED", `${size} bytes are too few for a safetensors file`, {
      path,
    });
  const { buffer, byteOffset } = file.read(0, PREFIX_BYTES);
  const length = new DataView(buffer, byteOffset).getBigUint64(0, true);
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

function parseHeader(bytes: Uint8Array, place: HeaderPlace): Header {
  const { path } = place;
  const text = new HeaderText(decodeHeader(bytes, path, PREFIX_BYTES), path, PREFIX_BYTES);
  text.begin();
  const entries = new Map<string, SafetensorsEntry>();
  let metadata = new Map<string, string>();
  text.object((name, position) => {
    if (name === "__metadata__") metadata = readMetadata(text);
    else entries.set(name, readEntry(text, name, position, place));
  });
  text.end();
  checkLayout(entries, place);
  return { entries, metadata };
}

export function readMetadata(text: HeaderText): Map<string, string> {
  const metadata = new Map<string, string>();
  text.object((key) => metadata.set(key, text.string()), metadata);
  return metadata;
}
