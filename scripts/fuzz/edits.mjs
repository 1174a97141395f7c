// Damage for files: edits that say where and what, so that one that breaks a parser can be shrunk, printed and made again.

/**
 * @typedef {object} Edit
 * @property {"set" | "flip" | "word" | "number" | "delete" | "repeat" | "end"} kind
 * @property {number} at Where, modulo the length.
 * @property {number} value What: a byte, a bit, the index of a number, or how many bytes.
 */

/** @type {readonly Edit["kind"][]} */
export const EDIT_KINDS = ["set", "flip", "word", "number", "delete", "repeat", "end"];

/** Where lengths, counts and offsets go wrong: near powers of two, near the limits of types, and nothing. */
const WORDS = [
  0n,
  1n,
  7n,
  31n,
  64n,
  255n,
  2n ** 16n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 32n,
  2n ** 64n - 1n,
];
const NUMBERS = [
  "0",
  "1",
  "-1",
  "01",
  "1.5",
  "1e300",
  "4294967296",
  "9007199254740991",
  "9007199254740993",
  "18446744073709551616",
  "null",
  "[]",
  '"0"',
];

/**
 * The bytes after all edits, one after the other.
 * @param {Uint8Array} bytes
 * @param {readonly Edit[]} edits
 * @returns {Buffer}
 */
export function applyEdits(bytes, edits) {
  let damaged = Buffer.from(bytes);
  for (const edit of edits) damaged = applyEdit(damaged, edit);
  return damaged;
}

/**
 * @param {Buffer<ArrayBuffer>} bytes
 * @param {Edit} edit
 */
function applyEdit(bytes, { kind, at, value }) {
  if (bytes.length === 0) return bytes;
  const position = at % bytes.length;
  const before = bytes.subarray(0, position);
  switch (kind) {
    case "set":
      bytes[position] = value;
      return bytes;
    case "flip":
      bytes[position] = (bytes[position] ?? 0) ^ (1 << (value % 8));
      return bytes;
    case "word": {
      const word = Buffer.alloc(8);
      word.writeBigUInt64LE(WORDS[value % WORDS.length] ?? 0n);
      word.copy(bytes, position, 0, value % 3 === 0 ? 4 : 8);
      return bytes;
    }
    case "number": {
      const digits = /\d+/g;
      digits.lastIndex = position;
      const match = digits.exec(bytes.toString("latin1"));
      if (!match) return bytes;
      const text = Buffer.from(NUMBERS[value % NUMBERS.length] ?? "");
      return Buffer.concat([
        bytes.subarray(0, match.index),
        text,
        bytes.subarray(match.index + match[0].length),
      ]);
    }
    case "delete":
      return Buffer.concat([before, bytes.subarray(position + value)]);
    case "repeat":
      return Buffer.concat([before, bytes.subarray(position, position + value), bytes.subarray(position)]);
    case "end":
      return Buffer.from(before);
  }
}

/**
 * A safetensors file whose header takes the bytes that its first eight say, whatever was done to it: without this nearly all
 * damage ends at that check. Half of the files are left as they are.
 * @param {Buffer} damaged
 * @param {number} dataBytes Bytes of data of the file before it was damaged.
 */
export function repairSafetensors(damaged, dataBytes) {
  const header = damaged.length - 8 - dataBytes;
  if (header > 0 && damaged.length % 2 === 0) damaged.writeBigUInt64LE(BigInt(header));
  return damaged;
}
