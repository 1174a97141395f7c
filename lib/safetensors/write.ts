import { outOfRange, wrongType } from "../errors.js";
import { replaceFile } from "../files/replace-file.js";
import { byteCount, bytesOf, type DType, type Tensor } from "../tensor.js";
import { DTYPES, MAX_HEADER_BYTES, PREFIX_BYTES } from "./header.js";

const NAMES = new Map([...DTYPES].map(([name, dtype], rank) => [dtype, { name, rank }]));
/** Alignment of the data: that of the widest element. */
const ALIGNMENT = 8;

export interface WriteSafetensorsOptions {
  /** Free text by key, kept in the header. */
  metadata?: Readonly<Record<string, string>>;
}

/**
 * Writes a safetensors file, whole or not at all. Wide elements come first, so that every tensor is aligned; equal ones
 * are sorted by name. Throws TypeError or RangeError for a tensor that the format has no type for, or whose shape and
 * data disagree.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
  options: WriteSafetensorsOptions = {},
): Promise<void> {
  const entries = tensors instanceof Map ? [...tensors] : Object.entries(tensors as Record<string, Tensor>);
  const ordered = entries
    .map(([name, tensor]) => ({ name, key: Buffer.from(name), tensor, type: checkTensor(name, tensor) }))
    .sort((a, b) => b.type.rank - a.type.rank || Buffer.compare(a.key, b.key));
  const header: [string, unknown][] = [];
  if (options.metadata !== undefined) header.push(["__metadata__", checkMetadata(options.metadata)]);
  let end = 0;
  for (const { name, tensor, type } of ordered) {
    const begin = end;
    end += tensor.data.byteLength;
    header.push([name, { dtype: type.name, shape: tensor.shape, data_offsets: [begin, end] }]);
  }
  const prefix = encodeHeader(header);
  await replaceFile(path, async (file) => {
    await file.write(prefix);
    await file.write(ordered.map(({ tensor }) => bytesOf(tensor.data)));
  });
}

/** Joined by hand: an object would lose the name "__proto__" and put names that look like numbers first. */
function encodeHeader(entries: readonly [string, unknown][]): Uint8Array {
  const members = entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const text = Buffer.from(`{${members.join(",")}}`);
  const length = Math.ceil(text.byteLength / ALIGNMENT) * ALIGNMENT;
  if (length > MAX_HEADER_BYTES)
    throw outOfRange(`names and metadata of at most ${MAX_HEADER_BYTES} bytes`, "tensors", length);
  const bytes = Buffer.alloc(PREFIX_BYTES + length, " ");
  bytes.writeBigUInt64LE(BigInt(length));
  text.copy(bytes, PREFIX_BYTES);
  return bytes;
}

function checkTensor(name: string, { dtype, shape, data }: Tensor): { name: string; rank: number } {
  const type = NAMES.get(dtype);
  const what = `tensor ${JSON.stringify(name)}`;
  if (name === "__metadata__" || !isText(name)) throw outOfRange("a name the format allows", "tensor", name);
  if (type === undefined)
    throw outOfRange("a type that safetensors has", `dtype of ${what}`, dtype satisfies DType);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw outOfRange("sizes that are integers from 0", `shape of ${what}`, `[${shape.join(", ")}]`);
  const expected = byteCount(dtype, shape);
  if (data.byteLength !== expected) throw outOfRange(`${expected} bytes`, `data of ${what}`, data.byteLength);
  return type;
}

function checkMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [key, value] of Object.entries(metadata))
    if (typeof value !== "string") throw wrongType("a string", `metadata ${JSON.stringify(key)}`, value);
  return metadata;
}

/** Half a surrogate pair has no UTF-8. */
function isText(name: string): boolean {
  return !/\p{Surrogate}/u.test(name);
}
