/** The bytes under a typed array: what has to be equal, where comparing values would take one NaN for another. */
export function bytesUnder(array: ArrayBufferView): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}
