import { MAX_TEXT_BYTES } from "./limits.js";
import { OTHER, type Value } from "./value.js";

/** How the argument of an operation is written; "bytes of uint8" is a length and so many bytes. */
export type ArgumentKind =
  | "none"
  | "uint8"
  | "uint16"
  | "int32"
  | "uint32"
  | "8 bytes"
  | "bytes of uint8"
  | "bytes of uint32"
  | "bytes of uint64"
  | "line"
  | "two lines";

const LINE_FEED = 10;

/** The argument of one operation after the other, as a window on the bytes: nothing long is ever copied. */
export class Argument {
  /** Of a kind that is a number. */
  number = 0;
  /** Of a kind that is two lines. */
  module = "";
  name = "";
  private from = 0;
  private to = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Moves to the argument at a byte; returns the byte after it. Throws RangeError where the bytes end before. */
  read(kind: ArgumentKind, at: number): number {
    switch (kind) {
      case "none":
        return at;
      case "uint8":
        this.number = this.need(at, 1).readUInt8(at);
        return at + 1;
      case "uint16":
        this.number = this.need(at, 2).readUInt16LE(at);
        return at + 2;
      case "int32":
        this.number = this.need(at, 4).readInt32LE(at);
        return at + 4;
      case "uint32":
        this.number = this.need(at, 4).readUInt32LE(at);
        return at + 4;
      case "8 bytes":
        this.need(at, 8);
        return at + 8;
      case "bytes of uint8":
        return this.window(at + 1, this.need(at, 1).readUInt8(at));
      case "bytes of uint32":
        return this.window(at + 4, this.need(at, 4).readUInt32LE(at));
      case "bytes of uint64":
        return this.window(at + 8, Number(this.need(at, 8).readBigUInt64LE(at)));
      case "line":
        return this.line(at);
      case "two lines": {
        const second = this.line(at);
        this.module = this.lineText();
        const end = this.line(second);
        this.name = this.lineText();
        return end;
      }
    }
  }

  /** A text as UTF-8; too long ones are no names and are not made. */
  text(): Value {
    return this.to - this.from > MAX_TEXT_BYTES ? OTHER : this.bytes.toString("utf8", this.from, this.to);
  }

  /** A text between quotes, with Python's escapes. */
  quoted(): Value {
    const text = this.shortLatin();
    const inner = text === undefined ? undefined : /^\s*(['"])(.*)\1\s*$/s.exec(text)?.[2];
    return inner === undefined ? OTHER : inner.replace(ESCAPE, plainCharacter);
  }

  /** A text whose only escapes are those of code points. */
  escaped(): Value {
    return this.shortLatin()?.replace(POINT_ESCAPE, codePoint) ?? OTHER;
  }

  /** An integer in digits; "01" and "00" are True and False. */
  integerLine(): Value {
    const text = this.shortLatin() ?? "";
    if (text === "00" || text === "01") return text === "01";
    const value = Number(text.replace(/L$/, ""));
    return Number.isSafeInteger(value) ? value : OTHER;
  }

  /** The number of a remembered value. */
  indexLine(): number {
    const index = Number(this.shortLatin());
    if (!Number.isSafeInteger(index) || index < 0)
      throw new RangeError("the number of a remembered value is none");
    return index;
  }

  /** An integer in two's complement of any length. */
  longInteger(): Value {
    const length = this.to - this.from;
    if (length > 6) return OTHER;
    return length === 0 ? 0 : this.bytes.readIntLE(this.from, length);
  }

  private need(at: number, count: number): Buffer {
    if (count > this.bytes.byteLength - at) throw new RangeError("the pickle ends inside an operation");
    return this.bytes;
  }

  private window(from: number, length: number): number {
    this.need(from, length);
    this.from = from;
    this.to = from + length;
    return this.to;
  }

  private line(at: number): number {
    const end = this.bytes.indexOf(LINE_FEED, at);
    if (end === -1) throw new RangeError("the pickle ends inside a line");
    this.window(at, end - at);
    return end + 1;
  }

  private lineText(): string {
    const cut = this.to - this.from > MAX_TEXT_BYTES;
    const text = this.bytes.toString("utf8", this.from, cut ? this.from + MAX_TEXT_BYTES : this.to);
    return cut ? `${text}...` : text;
  }

  private shortLatin(): string | undefined {
    const short = this.to - this.from <= MAX_TEXT_BYTES;
    return short ? this.bytes.toString("latin1", this.from, this.to) : undefined;
  }
}

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|([\s\S]))/g;
const POINT_ESCAPE = /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/g;
const CONTROL: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

function plainCharacter(whole: string, hex?: string, octal?: string, character?: string): string {
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
  if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 255);
  if (character === "\n") return "";
  if (character === "\\" || character === "'" || character === '"') return character;
  return CONTROL[character!] ?? whole;
}

function codePoint(whole: string, short?: string, long?: string): string {
  const point = Number.parseInt((short ?? long)!, 16);
  return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
}
