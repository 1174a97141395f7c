/** Signatures and sizes of the records that make a zip archive. */
export const LOCAL = { signature: 0x04034b50, bytes: 30 } as const;
export const CENTRAL = { signature: 0x02014b50, bytes: 46 } as const;
export const END = { signature: 0x06054b50, bytes: 22 } as const;
export const END64 = { signature: 0x06064b50, bytes: 56 } as const;
export const LOCATOR64 = { signature: 0x07064b50, bytes: 20 } as const;

/** What stands in a field whose value is in the extra field of 64-bit sizes instead. */
export const IN_EXTRA_16 = 0xffff;
export const IN_EXTRA_32 = 0xffffffff;
export const EXTRA_ZIP64 = 1;
/** Bytes that only align the data, as Android's zipalign marks them. */
export const EXTRA_ALIGNMENT = 0xd935;

export const STORED = 0;
export const DEFLATED = 8;

export const FLAG_ENCRYPTED = 1;
/** Sizes and checksum stand after the data, not in the local header. */
export const FLAG_DESCRIPTOR = 8;
export const FLAG_UTF8 = 0x800;
