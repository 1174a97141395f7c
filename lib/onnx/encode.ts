import { type DescField, type DescMessage, isFieldSet, type Message, ScalarType } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type ModelProto, ModelProtoSchema, type TensorProto, TensorProtoSchema } from "./proto/onnx_pb.js";

/** Below this a copy is cheaper than one more buffer in the gather list. */
const GATHER_FROM_BYTES = 4096;

/** Bytes that are made when their turn comes; they hold until the next such piece is made. */
export interface DeferredBytes {
  readonly byteLength: number;
  make(): Uint8Array;
}

export type Piece = Uint8Array | DeferredBytes;

/** The bytes of a message as pieces to be written one behind the other; large fields are views, not copies. */
export interface Encoded<P extends Piece = Piece> {
  readonly pieces: readonly P[];
  readonly length: number;
}

/** Messages to write in place of others, so that a model need not be copied to be written differently. */
export type Replacements = ReadonlyMap<Message, Message>;

interface Encoding {
  readonly replacements: Replacements;
  /** Where the raw_data of a tensor is to be made from; undefined where it is there. */
  readonly deferred: (tensor: TensorProto) => DeferredBytes | undefined;
}

/**
 * Encodes a model in field order with unknown fields last, as protobuf's own writers do, without copying tensor
 * data: each large `bytes` field becomes a piece of its own.
 */
export function encodeModel(model: ModelProto): Encoded<Uint8Array>;
export function encodeModel(model: ModelProto, encoding: Partial<Encoding>): Encoded;
export function encodeModel(
  model: ModelProto,
  { replacements = new Map(), deferred = () => undefined }: Partial<Encoding> = {},
): Encoded {
  return encodeMessage(ModelProtoSchema, model, { replacements, deferred });
}

const RAW_DATA = TensorProtoSchema.field.rawData;

type Encode = (writer: BinaryWriter, value: never) => BinaryWriter;

const SCALARS: Partial<Record<ScalarType, { wireType: WireType; encode: Encode }>> = {
  [ScalarType.DOUBLE]: { wireType: WireType.Bit64, encode: (w, v) => w.double(v) },
  [ScalarType.FLOAT]: { wireType: WireType.Bit32, encode: (w, v) => w.float(v) },
  [ScalarType.INT64]: { wireType: WireType.Varint, encode: (w, v) => w.int64(v) },
  [ScalarType.UINT64]: { wireType: WireType.Varint, encode: (w, v) => w.uint64(v) },
  [ScalarType.INT32]: { wireType: WireType.Varint, encode: (w, v) => w.int32(v) },
  [ScalarType.STRING]: { wireType: WireType.LengthDelimited, encode: (w, v) => w.string(v) },
  [ScalarType.BYTES]: { wireType: WireType.LengthDelimited, encode: (w, v) => w.bytes(v) },
};

/** Enumerations travel as int32. */
function scalarRule(field: DescField) {
  const scalar = field.scalar ?? ScalarType.INT32;
  const rule = SCALARS[scalar];
  if (!rule) throw new Error(`${field.parent.typeName}.${field.name}: no encoder for scalar type ${scalar}`);
  return rule;
}

/** Small fields gather in a writer, large ones stand by themselves. */
class Gather {
  private readonly pieces: Piece[] = [];
  private length = 0;
  private writer = new BinaryWriter();
  private pending = false;

  small(): BinaryWriter {
    this.pending = true;
    return this.writer;
  }

  piece(bytes: Piece): void {
    this.flush();
    this.pieces.push(bytes);
    this.length += bytes.byteLength;
  }

  /** A bytes field that is not copied. */
  bytes(fieldNumber: number, piece: Piece): void {
    this.small().tag(fieldNumber, WireType.LengthDelimited).uint32(piece.byteLength);
    this.piece(piece);
  }

  nested(fieldNumber: number, inner: Encoded): void {
    this.small().tag(fieldNumber, WireType.LengthDelimited).uint32(inner.length);
    for (const piece of inner.pieces)
      if ("make" in piece || inner.length >= GATHER_FROM_BYTES) this.piece(piece);
      else this.small().raw(piece);
  }

  finish(): Encoded {
    this.flush();
    return { pieces: this.pieces, length: this.length };
  }

  private flush(): void {
    if (!this.pending) return;
    const bytes = this.writer.finish();
    this.pieces.push(bytes);
    this.length += bytes.byteLength;
    this.pending = false;
  }
}

function encodeMessage(schema: DescMessage, original: Message, encoding: Encoding): Encoded {
  const message = encoding.replacements.get(original) ?? original;
  const out = new Gather();
  const values = message as unknown as Record<string, unknown>;
  for (const field of inFieldOrder(schema)) {
    if (field === RAW_DATA) {
      const made = encoding.deferred(message as TensorProto);
      if (made) out.bytes(field.number, made);
    }
    if (!isFieldSet(message, field)) continue;
    const value = field.oneof
      ? (values[field.oneof.localName] as { value: unknown }).value
      : values[field.localName];
    if (field.fieldKind !== "list") encodeOne(out, field, value, encoding);
    else if (field.packed) encodePacked(out, field, value as never[]);
    else for (const item of value as unknown[]) encodeOne(out, field, item, encoding);
  }
  for (const { no, wireType, data } of message.$unknown ?? []) out.small().tag(no, wireType).raw(data);
  return out.finish();
}

const ordered = new WeakMap<DescMessage, DescField[]>();

function inFieldOrder(schema: DescMessage): DescField[] {
  let fields = ordered.get(schema);
  if (!fields) {
    fields = [...schema.fields].sort((a, b) => a.number - b.number);
    ordered.set(schema, fields);
  }
  return fields;
}

function encodeOne(out: Gather, field: DescField, value: unknown, encoding: Encoding): void {
  if (field.message) {
    out.nested(field.number, encodeMessage(field.message, value as Message, encoding));
    return;
  }
  if (value instanceof Uint8Array && value.byteLength >= GATHER_FROM_BYTES) {
    out.bytes(field.number, value);
    return;
  }
  const { wireType, encode } = scalarRule(field);
  encode(out.small().tag(field.number, wireType), value as never);
}

function encodePacked(out: Gather, field: DescField, values: readonly never[]): void {
  const { encode } = scalarRule(field);
  const inner = new Gather();
  const writer = inner.small();
  for (const value of values) encode(writer, value);
  out.nested(field.number, inner.finish());
}
