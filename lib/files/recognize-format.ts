import { ModelFormatError } from "../errors.js";
import { readDirectory } from "../zip/directory.js";
import { type MappedFile, mapFile } from "./map-file.js";

/**
 * What a file is by its bytes; its name is not looked at. "npz" and "torch-zip" are zip archives of arrays and of a
 * pickle, "zip" is any other. "torch-legacy" is several pickles in a row, as torch.save wrote before 1.6. "pickle" may have
 * been written by joblib; "compressed" is gzip, zlib, bzip2, xz, lzma or lz4, in which joblib wraps its pickles.
 */
export type FileFormat =
  | "onnx"
  | "safetensors"
  | "safetensors-index"
  | "gguf"
  | "npy"
  | "npz"
  | "torch-zip"
  | "torch-legacy"
  | "zip"
  | "pickle"
  | "compressed"
  | "unknown";

const HEAD_BYTES = 4096;
/** safetensors' own limit of the header whose length comes first. */
const MAX_SAFETENSORS_HEADER = 100_000_000n;

/** First bytes, in hexadecimal. */
const MAGIC: readonly (readonly [FileFormat, string])[] = [
  ["gguf", "47475546"],
  ["npy", "934e554d5059"],
  ["zip", "504b0304"],
  // A zip archive without entries.
  ["zip", "504b0506"],
  // The number with which torch.save of before 1.6 begins, itself pickled.
  ["torch-legacy", "80028a0a6cfc9c46f9206aa850192e"],
  ["pickle", "8002"],
  ["pickle", "8003"],
  ["pickle", "8004"],
  ["pickle", "8005"],
  // gzip, zlib at its four levels, bzip2, xz, lzma, lz4.
  ...["1f8b08", "7801", "785e", "789c", "78da", "425a68", "fd377a585a00", "5d0000", "04224d18"].map(
    (bytes) => ["compressed", bytes] as const,
  ),
];

/** A pickle of protocol 0 or 1: an import, or a list, dict, tuple or text that is remembered or called. */
const TEXT_PICKLE =
  /^\(*(?:c[\w.]+\r?\n[\w.]+\r?\n|i[\w.]+\r?\n[\w.]+\r?\n|[dlt]p\d+\r?\n|[\]})]q[\s\S]|[SV][^\n]*\n[tpic])/;
const INDEX = /^\s*\{[\s\S]*"weight_map"\s*:/;

/**
 * Tells what a file is by its bytes. That the rest of it is sound is for its reader to say.
 *
 * @param input path of a file, or its bytes, of which an archive's first entry alone is looked at
 * @throws ModelFormatError FILE_UNREADABLE
 */
export function recognizeFormat(input: string | Uint8Array): FileFormat {
  if (typeof input !== "string") return recognize(input.subarray(0, HEAD_BYTES), input.byteLength);
  const file = mapFile(input, { mmap: false });
  try {
    const format = recognize(file.read(0, Math.min(HEAD_BYTES, file.size)), file.size);
    return format === "zip" || format === "npz" || format === "torch-zip"
      ? archiveKind(entryNames(file))
      : format;
  } finally {
    file.close();
  }
}

function recognize(bytes: Uint8Array, size: number): FileFormat {
  if (isSafetensors(bytes)) return "safetensors";
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hex = head.toString("hex");
  const format = MAGIC.find(([, magic]) => hex.startsWith(magic))?.[0];
  const text = head.toString("latin1");
  if (format === "zip") return archiveKind([firstName(text)]);
  if (format !== undefined) return format;
  if (TEXT_PICKLE.test(text)) return "pickle";
  if (INDEX.test(text)) return "safetensors-index";
  return isOnnx(bytes, size) ? "onnx" : "unknown";
}

/** Before pickles: the bytes of a header's length may look like the start of one. */
function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.byteLength < 10 || bytes[8] !== "{".charCodeAt(0)) return false;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  return length >= 2n && length <= MAX_SAFETENSORS_HEADER;
}

/** The name of the first entry of an archive, which follows the 30 bytes of its header. */
function firstName(text: string): string {
  return text.slice(30, 30 + (text.charCodeAt(26) | (text.charCodeAt(27) << 8)));
}

/** Of an archive that is not sound, none: whoever reads it will refuse it. */
function entryNames(file: MappedFile): string[] {
  try {
    return [...readDirectory(file).keys()];
  } catch (error) {
    if (error instanceof ModelFormatError) return [];
    throw error;
  }
}

/** A pickle comes before all arrays: torch loads it, whatever else is there, and in whatever case its name is. */
function archiveKind(names: readonly string[]): FileFormat {
  if (names.some((name) => /(?:^|\/)data\.pkl$/i.test(name))) return "torch-zip";
  return names.some((name) => name.endsWith(".npy")) ? "npz" : "zip";
}

/** Wire types of ModelProto's fields that come before its graph, or instead of it where a writer has its own order. */
const MODEL_FIELDS: Readonly<Record<number, number>> = { 1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 8: 2, 14: 2 };
const GRAPH = 7;
const LENGTH_DELIMITED = 2;

/** An ONNX file has no magic: fields of ModelProto, and its graph among them. Its version may be the only one before. */
function isOnnx(bytes: Uint8Array, size: number): boolean {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    return Number.NaN;
  };
  while (at < bytes.byteLength) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (field === GRAPH) return wireType === LENGTH_DELIMITED && at < size;
    if (MODEL_FIELDS[field] !== wireType) return false;
    const value = varint();
    if (Number.isNaN(value)) return false;
    if (wireType === LENGTH_DELIMITED) at += value;
  }
  // Strings longer than the head, such as documentation, hide the graph; all up to here was a model's.
  return at > bytes.byteLength && at < size;
}
