import { expect } from "vitest";

/** The bytes under a typed array: what has to be equal, where comparing values would take one NaN for another. */
export function bytesUnder(array: ArrayBufferView): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

/** Expects the same kind of array with the same bytes; quicker by far than toEqual, which looks at every element. */
export function expectSame(actual: ArrayBufferView, expected: ArrayBufferView): void {
  expect(actual.constructor).toBe(expected.constructor);
  const same = bytesUnder(actual).equals(bytesUnder(expected));
  if (!same) expect(actual).toEqual(expected); // says where
  expect(same).toBe(true);
}
