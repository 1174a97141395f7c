import { ModelFormatError } from "../errors.js";
import { type DType, type TypedArray, viewAs } from "../tensor.js";
import { decodeText, type HeaderBytes } from "./header-bytes.js";
import { MAX_HEADER_BYTES } from "./limits.js";
import { type GgufArray, type GgufItemType, type GgufValue, ITEM_BYTES, VALUE_TYPES } from "./value.js";

/** An array as it lies in a file, decoded when it is looked at. */
export class StoredArray implements GgufArray {
  readonly type = "array";
  private decoded: TypedArray | readonly string[] | undefined;

  constructor(
    readonly of: GgufItemType,
    readonly length: number,
    /** The items as the file holds them. */
    readonly stored: Uint8Array<ArrayBuffer>,
    private readonly path: string,
  ) {}

  get value(): TypedArray | readonly string[] {
    this.decoded ??= this.of === "string" ? this.strings() : viewAs(this.of satisfies DType, this.stored);
    return this.decoded;
  }

  private strings(): string[] {
    const view = new DataView(this.stored.buffer);
    const strings: string[] = [];
    for (let at = 0; at < this.stored.byteLength; ) {
      const length = Number(view.getBigUint64(at, true));
      at += 8;
      const text = decodeText(this.stored.subarray(at, at + length), (cause) => {
        const message = `string ${strings.length} of the array is not UTF-8`;
        throw new ModelFormatError("TEXT_NOT_UTF8", message, { path: this.path, cause });
      });
      strings.push(text);
      at += length;
    }
    return strings;
  }
}

/** Reads one value, its type before it. */
export function readValue(header: HeaderBytes, key: string, path: string): GgufValue {
  const type = VALUE_TYPES[header.uint32()];
  if (type === undefined)
    return header.fail("HEADER_INVALID", `unknown type of metadata ${JSON.stringify(key)}`);
  if (type === "array") return readArray(header, key, path);
  if (type === "string")
    return { type, value: header.string(MAX_HEADER_BYTES, `metadata ${JSON.stringify(key)}`) };
  if (type === "bool") {
    const value = header.uint8();
    if (value > 1)
      header.fail("HEADER_INVALID", `metadata ${JSON.stringify(key)} is a bool of value ${value}`);
    return { type, value: value === 1 };
  }
  const [value] = viewAs(type, header.bytes(ITEM_BYTES[type]));
  return { type, value } as GgufValue;
}

function readArray(header: HeaderBytes, key: string, path: string): GgufArray {
  const what = `metadata ${JSON.stringify(key)}`;
  const of = VALUE_TYPES[header.uint32()];
  if (of === undefined) return header.fail("HEADER_INVALID", `${what} is an array of an unknown type`);
  if (of === "array") return header.fail("HEADER_INVALID", `${what} is an array of arrays`);
  const length = header.count(MAX_HEADER_BYTES, `items of ${what}`);
  const start = header.at;
  if (of === "string")
    for (let i = 0; i < length; i++) header.skip(header.count(MAX_HEADER_BYTES, `bytes in ${what}`));
  else header.skip(length * ITEM_BYTES[of]);
  const bytes = header.at - start;
  header.at = start;
  return new StoredArray(of, length, header.bytes(bytes), path);
}
