// Edits of a protobuf message as a tree, written again with lengths that are right: damage that gets past the check of the wire.

/** @typedef {{ tag: number, bytes: Buffer, inner: Field[] | undefined }} Field */

/**
 * @param {Uint8Array} bytes
 * @param {number} depth
 * @returns {Field[] | undefined} Undefined where the bytes are no message.
 */
function parse(bytes, depth) {
  /** @type {Field[]} */
  const fields = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return Number.NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    const type = tag % 8;
    if (!(tag >= 8 && tag < 2 ** 20)) return undefined;
    let start = at;
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else if (type === 2) {
      const length = varint();
      start = at;
      at += length;
    } else return undefined;
    if (!(at <= bytes.length)) return undefined;
    const content = Buffer.from(bytes.subarray(start, at));
    fields.push({
      tag,
      bytes: content,
      inner: type === 2 && depth < 20 ? parse(content, depth + 1) : undefined,
    });
  }
  return fields;
}

/** @param {number} value */
function varintBytes(value) {
  const bytes = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** @param {readonly Field[]} fields @returns {Buffer} */
function encode(fields) {
  return Buffer.concat(
    fields.flatMap(({ tag, bytes, inner }) => {
      const content = inner && inner.length > 0 ? encode(inner) : bytes;
      return tag % 8 === 2
        ? [varintBytes(tag), varintBytes(content.length), content]
        : [varintBytes(tag), content];
    }),
  );
}

const VARINTS = [0, 1, 2, 127, 128, 2 ** 31, 2 ** 32, 2 ** 53 - 1].map(varintBytes);
const MINUS_ONE = Buffer.from([...new Array(9).fill(255), 1]);

/**
 * The message with some of its fields dropped, doubled, moved, renumbered or given other contents, at any depth.
 * @param {Uint8Array} message
 * @param {() => number} random 32-bit integers.
 */
export function editMessage(message, random) {
  const root = parse(message, 0) ?? [];
  /** @type {Field[][]} */
  const lists = [];
  /** @param {Field[]} fields */
  const collect = (fields) => {
    if (fields.length > 0) lists.push(fields);
    for (const { inner } of fields) if (inner) collect(inner);
  };
  collect(root);
  if (lists.length === 0) return Buffer.from(message);
  const anyList = () => /** @type {Field[]} */ (lists[random() % lists.length]);
  for (let count = 1 + (random() % 3); count > 0; count--) {
    const list = anyList();
    const at = random() % Math.max(1, list.length);
    const field = list[at];
    const other = anyList();
    const from = other[random() % Math.max(1, other.length)];
    if (!field) continue;
    switch (random() % 6) {
      case 0:
        list.splice(at, 1);
        break;
      case 1:
        list.splice(random() % list.length, 0, field);
        break;
      case 2:
        // A copy, for a field that holds itself never ends.
        if (from)
          list.push({
            ...from,
            bytes: encode([from]).subarray(varintBytes(from.tag).length),
            inner: undefined,
          });
        break;
      case 3:
        list[at] = { ...field, tag: (1 + (random() % 30)) * 8 + (field.tag % 8) };
        break;
      case 4:
        if (field.tag % 8 === 0)
          list[at] = { ...field, bytes: VARINTS[random() % (VARINTS.length + 1)] ?? MINUS_ONE };
        break;
      default:
        list[at] = {
          ...field,
          inner: undefined,
          bytes: field.bytes.subarray(0, random() % (field.bytes.length + 1)),
        };
    }
  }
  return encode(root);
}
