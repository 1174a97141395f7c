/** A file of this header text, its true length before it unless another is given, and this many zero bytes of data. */
export function safetensorsBytes(header: string | Uint8Array, dataBytes = 0, length?: bigint): Uint8Array {
  const text = Buffer.from(header);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.byteLength));
  return Buffer.concat([prefix, text, Buffer.alloc(dataBytes)]);
}

/** What a header says of one tensor. */
export function entry(dtype: string, shape: string, offsets: string): string {
  return `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
}
