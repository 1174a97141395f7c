import { isUtf8 } from "node:buffer";
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { ModelFormatError } from "../errors.js";

/** Graphs nest three messages a level, so this allows 33 levels of subgraphs. */
const MAX_DEPTH = 100;
/** Each message costs a few hundred bytes once decoded: 8 MB of empty nodes would become 1.6 GB of objects. */
const MAX_MESSAGES: Readonly<Record<string, number>> = {
  "onnx.NodeProto": 1_000_000,
  "onnx.TensorProto": 1_000_000,
  "onnx.ValueInfoProto": 2_000_000,
};
const MAX_MESSAGES_IN_ALL = 10_000_000;
/** Of any file; beyond it there is one for each so many bytes, and shapes of unnamed values come nearest to that. */
const FREE_MESSAGES = 100_000;
const BYTES_PER_MESSAGE = 5;
/** 64-bit integers become one bigint object each. */
const MAX_BIGINTS = 1 << 24;
const MAX_NUMBERS = 1 << 26;
const MAX_STRING_BYTES = 256 * 1024 * 1024;
/** As many axes as the reader of tensors takes. */
const MAX_SIZES = 64;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

interface FieldRule {
  readonly name: string;
  readonly wireType: number;
  /** Set for a message field: what to walk into. */
  readonly message?: MessageRule;
  readonly text: boolean;
  /** Set for repeated numbers: what each of them costs, and whether they may come packed. */
  readonly repeated?: "bigint" | "number";
}

interface MessageRule {
  readonly typeName: string;
  readonly fields: Map<number, FieldRule>;
}

const rules = new Map<DescMessage, MessageRule>();

function ruleFor(schema: DescMessage): MessageRule {
  const known = rules.get(schema);
  if (known) return known;
  const rule: MessageRule = { typeName: schema.typeName, fields: new Map() };
  rules.set(schema, rule);
  for (const field of schema.fields) rule.fields.set(field.number, fieldRule(field));
  return rule;
}

function fieldRule(field: DescField): FieldRule {
  const name = field.name;
  if (field.message)
    return { name, wireType: LENGTH_DELIMITED, text: false, message: ruleFor(field.message) };
  const scalar = field.scalar ?? ScalarType.INT32;
  const wireType = wireTypeOf(scalar);
  const text = scalar === ScalarType.STRING;
  if (field.fieldKind !== "list" || wireType === LENGTH_DELIMITED) return { name, wireType, text };
  const wide = scalar === ScalarType.INT64 || scalar === ScalarType.UINT64;
  return { name, wireType, text, repeated: wide ? "bigint" : "number" };
}

function wireTypeOf(scalar: ScalarType): number {
  if (scalar === ScalarType.FLOAT) return FIXED32;
  if (scalar === ScalarType.DOUBLE) return FIXED64;
  return scalar === ScalarType.STRING || scalar === ScalarType.BYTES ? LENGTH_DELIMITED : VARINT;
}

/**
 * Walks protobuf bytes by their schema before anything is decoded, and throws a ModelFormatError unless every length
 * lies inside its message, every field has the wire type the schema gives it, every string is UTF-8, and depth and
 * counts stay within bounds. The decoder behind it trusts lengths modulo 2^32 and wire types as they come.
 * Encoding: https://protobuf.dev/programming-guides/encoding
 *
 * @returns the numbers of the message's own fields that are there
 */
export function scanWire(bytes: Uint8Array, schema: DescMessage, path?: string): ReadonlySet<number> {
  return new WireScan(bytes, path).message(ruleFor(schema));
}

class WireScan {
  private at = 0;
  private messages = 0;
  private readonly values = { bigint: 0, number: 0 };
  private sizes = 0;
  private textBytes = 0;
  private readonly counts = new Map<string, number>();
  private readonly maxMessages: number;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly path: string | undefined,
  ) {
    this.maxMessages = Math.min(MAX_MESSAGES_IN_ALL, FREE_MESSAGES + bytes.byteLength / BYTES_PER_MESSAGE);
  }

  /** A stack of its own instead of recursion: a hostile depth must end in an error, not in a stack overflow. */
  message(root: MessageRule): ReadonlySet<number> {
    const present = new Set<number>();
    const ends = [this.bytes.length];
    const open = [root];
    while (open.length > 0) {
      const end = ends[ends.length - 1]!;
      if (this.at === end) {
        ends.pop();
        open.pop();
        continue;
      }
      const rule = open[open.length - 1]!;
      const tagAt = this.at;
      const tag = this.varint(end);
      const number = Math.floor(tag / 8);
      const wireType = tag % 8;
      if (number === 0 || number > 0x1fffffff)
        throw this.error("WIRE_MALFORMED", `field number ${number} does not exist`, tagAt);
      if (open.length === 1) present.add(number);
      const field = rule.fields.get(number);
      const inner = this.field(field, rule, wireType, end, tagAt);
      if (inner === undefined) continue;
      if (open.length >= MAX_DEPTH)
        throw this.error("WIRE_TOO_DEEP", `messages nest deeper than ${MAX_DEPTH}`, tagAt);
      this.count(field!.message!, tagAt);
      open.push(field!.message!);
      ends.push(inner);
    }
    return present;
  }

  /** Passes one field. Returns where a nested message ends when there is one to walk into. */
  private field(
    field: FieldRule | undefined,
    parent: MessageRule,
    wireType: number,
    end: number,
    tagAt: number,
  ): number | undefined {
    const packed = field?.repeated !== undefined && wireType === LENGTH_DELIMITED;
    if (field && wireType !== field.wireType && !packed)
      throw this.error(
        "WIRE_MALFORMED",
        `${parent.typeName}.${field.name} has wire type ${wireType} instead of ${field.wireType}`,
        tagAt,
      );
    if (field?.repeated && !packed) this.countNumbers(field, 1, tagAt);
    switch (wireType) {
      case VARINT:
        this.skipVarint(end);
        return;
      case FIXED64:
      case FIXED32:
        this.skip(wireType === FIXED64 ? 8 : 4, end, tagAt);
        return;
      case LENGTH_DELIMITED: {
        const length = this.varint(end);
        const from = this.at;
        this.skip(length, end, tagAt);
        if (field?.message) {
          this.at = from;
          return from + length;
        }
        if (field?.text) this.text(from, length, `${parent.typeName}.${field.name}`);
        if (packed) this.packed(field, from, length, tagAt);
        return;
      }
      default:
        throw this.error("WIRE_MALFORMED", `wire type ${wireType} is not used by this format`, tagAt);
    }
  }

  /** Reads a varint that must be exact as a number: a tag or a length. */
  private varint(end: number): number {
    const start = this.at;
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (this.at >= end) throw this.error("WIRE_TRUNCATED", "the file ends inside a number", start);
      const byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      if (this.at - start >= 10) throw this.error("WIRE_MALFORMED", "a number has over 10 bytes", start);
    }
    if (value > 0xffffffff)
      throw this.error("WIRE_MALFORMED", `a tag or length of ${value} is too large`, start);
    return value;
  }

  private skipVarint(end: number): void {
    const start = this.at;
    while (this.at < end && this.bytes[this.at]! >= 0x80) this.at++;
    if (this.at >= end) throw this.error("WIRE_TRUNCATED", "the file ends inside a number", start);
    this.at++;
    if (this.at - start > 10) throw this.error("WIRE_MALFORMED", "a number has over 10 bytes", start);
  }

  private skip(length: number, end: number, tagAt: number): void {
    if (length > end - this.at)
      throw this.error(
        "WIRE_TRUNCATED",
        `a field of ${length} bytes does not fit in the ${end - this.at} that are left; is the file complete?`,
        tagAt,
      );
    this.at += length;
  }

  private text(from: number, length: number, name: string): void {
    this.textBytes += length;
    if (this.textBytes > MAX_STRING_BYTES)
      throw this.error("WIRE_TOO_MANY", `more than ${MAX_STRING_BYTES} bytes of text`, from);
    if (!isUtf8(this.bytes.subarray(from, from + length)))
      throw this.error("TEXT_NOT_UTF8", `${name} is not UTF-8 text`, from);
  }

  private packed(field: FieldRule, from: number, length: number, tagAt: number): void {
    if (field.wireType !== VARINT) {
      const size = field.wireType === FIXED64 ? 8 : 4;
      if (length % size !== 0)
        throw this.error(
          "WIRE_MALFORMED",
          `${field.name} holds ${length} bytes, no multiple of ${size}`,
          tagAt,
        );
      this.countNumbers(field, length / size, tagAt);
      return;
    }
    const end = from + length;
    let values = 0;
    for (this.at = from; this.at < end; values++) this.skipVarint(end);
    this.countNumbers(field, values, tagAt);
  }

  private countNumbers({ name, repeated }: FieldRule, values: number, at: number): void {
    const limit = repeated === "bigint" ? MAX_BIGINTS : MAX_NUMBERS;
    this.values[repeated!] += values;
    if (this.values[repeated!] > limit)
      throw this.error(
        "WIRE_TOO_MANY",
        `more than ${limit} numbers outside raw_data; store large tensors as raw_data or external data`,
        at,
      );
    if (name !== "dims") return;
    this.sizes += values;
    // Of all tensors together, for they may come one by one.
    if (this.sizes > MAX_SIZES * this.messages)
      throw this.error("WIRE_TOO_MANY", `tensors of more than ${MAX_SIZES} sizes`, at);
  }

  private count(rule: MessageRule, at: number): void {
    const count = (this.counts.get(rule.typeName) ?? 0) + 1;
    this.counts.set(rule.typeName, count);
    if (count > (MAX_MESSAGES[rule.typeName] ?? MAX_MESSAGES_IN_ALL))
      throw this.error("WIRE_TOO_MANY", `more than ${count - 1} messages of ${rule.typeName}`, at);
    if (++this.messages > this.maxMessages)
      throw this.error("WIRE_TOO_MANY", `more than ${this.messages - 1} messages in a file of this size`, at);
  }

  private error(code: ConstructorParameters<typeof ModelFormatError>[0], message: string, offset: number) {
    return new ModelFormatError(code, message, { path: this.path, offset });
  }
}
