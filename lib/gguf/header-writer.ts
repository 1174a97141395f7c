import { outOfRange, wrongType } from "../errors.js";
import { bytesOf, viewAs } from "../tensor.js";
import { MAX_KEY_BYTES } from "./limits.js";
import { StoredArray } from "./metadata.js";
import { type GgufArray, type GgufItemType, type GgufValue, ITEM_BYTES, VALUE_TYPES } from "./value.js";

/** Gathers the bytes of a header. */
export class HeaderWriter {
  private bytes = Buffer.alloc(64 * 1024);
  private length = 0;

  // Room is made before the bytes are looked at: making it may move them.
  uint32(value: number): void {
    const at = this.room(4);
    this.bytes.writeUInt32LE(value, at);
  }
  uint64(value: number | bigint): void {
    const at = this.room(8);
    this.bytes.writeBigUInt64LE(BigInt(value), at);
  }
  string(text: string): void {
    const length = Buffer.byteLength(text);
    this.uint64(length);
    const at = this.room(length);
    this.bytes.write(text, at);
  }
  raw(bytes: Uint8Array): void {
    const at = this.room(bytes.byteLength);
    this.bytes.set(bytes, at);
  }
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  private room(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.bytes.byteLength) {
      const grown = Buffer.alloc(2 * this.length);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    return at;
  }
}

/** Writes a key, the type of its value, and the value. */
export function encodeValue(header: HeaderWriter, key: string, value: GgufValue): void {
  const what = `metadata ${JSON.stringify(key)}`;
  if (key === "" || !key.isWellFormed() || Buffer.byteLength(key) > MAX_KEY_BYTES)
    throw outOfRange(`a key of 1 to ${MAX_KEY_BYTES} bytes without half characters`, "metadata", key);
  if (!VALUE_TYPES.includes(value?.type)) throw outOfRange("a value with its type", what, value?.type);
  header.string(key);
  header.uint32(VALUE_TYPES.indexOf(value.type));
  if (value.type === "array") encodeArray(header, value, what);
  else encodeItem(header, value.type, value.value, what);
}

function encodeArray(header: HeaderWriter, array: GgufArray, what: string): void {
  const { of, length } = array;
  if (!VALUE_TYPES.includes(of) || (of as string) === "array")
    throw outOfRange("items of a plain type", what, of);
  header.uint32(VALUE_TYPES.indexOf(of));
  header.uint64(length);
  // Not decoded: what a file holds is written as it is.
  if (array instanceof StoredArray) {
    header.raw(array.stored);
    return;
  }
  const items = array.value;
  if (items.length !== length) throw outOfRange(`${length} items`, what, items.length);
  for (const item of items) encodeItem(header, of, of === "bool" ? booleanOf(item) : item, what);
}

/** Of an array, whose items are bytes; anything else stays what it is. */
function booleanOf(item: unknown): unknown {
  return item === 1 || item === 0 ? item === 1 : item;
}

function encodeItem(header: HeaderWriter, type: GgufItemType, value: unknown, what: string): void {
  if (type === "string") {
    if (typeof value !== "string") throw wrongType("a string", what, value);
    if (!value.isWellFormed()) throw outOfRange("text without half characters", what, value);
    header.string(value);
    return;
  }
  const kind = type === "bool" ? "boolean" : type === "uint64" || type === "int64" ? "bigint" : "number";
  if (typeof value !== kind) throw wrongType(`a ${kind}`, what, value);
  const stored = viewAs(type, new Uint8Array(ITEM_BYTES[type]));
  stored[0] = (type === "bool" ? Number(value) : value) as never;
  // Floats are rounded, but none becomes infinite.
  const isKept = type.startsWith("float")
    ? Number.isFinite(value) === Number.isFinite(stored[0])
    : type === "bool" || stored[0] === value;
  if (!isKept) throw outOfRange(`a ${type}`, what, value);
  header.raw(bytesOf(stored));
}
