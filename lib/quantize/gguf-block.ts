import { outOfRange, wrongType } from "../errors.js";

/** Types of ggml whose blocks this library makes and reads. */
export type GgufBlockType = "Q8_0" | "Q4_0";

/** Values of one block, of either type. */
export const GGUF_BLOCK_VALUES = 32;

const BLOCK_BYTES: Readonly<Record<GgufBlockType, number>> = { Q8_0: 34, Q4_0: 18 };

/** @throws TypeError or RangeError unless `type` is a GgufBlockType. */
export function ggufBlockBytes(type: unknown): number {
  const expected = `one of ${Object.keys(BLOCK_BYTES).join(", ")}`;
  if (typeof type !== "string") throw wrongType(expected, "type", type);
  if (!Object.hasOwn(BLOCK_BYTES, type)) throw outOfRange(expected, "type", type);
  return BLOCK_BYTES[type as GgufBlockType];
}

/** The number of whole blocks in `length` elements or bytes. */
export function wholeBlocks(length: number, size: number, name: string): number {
  if (length % size !== 0)
    throw outOfRange(`a length that is a multiple of ${size}`, name, `length ${length}`);
  return length / size;
}
