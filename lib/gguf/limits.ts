/** "GGUF" as the file's first four bytes, little-endian. */
export const MAGIC = 0x46554747;
export const VERSION = 3;
export const DEFAULT_ALIGNMENT = 32;
/** Far above any page; only powers of two are allowed. */
export const MAX_ALIGNMENT = 1 << 24;
/** Metadata holds vocabularies of some ten MB; tensors' names and shapes come on top. */
export const MAX_HEADER_BYTES = 128 * 1024 * 1024;
/** The largest models have a few thousand tensors and some hundred keys; each becomes an object. */
export const MAX_TENSORS = 65_536;
export const MAX_KEYS = 65_536;
/** The format's own limits. */
export const MAX_KEY_BYTES = 65_535;
export const MAX_NAME_BYTES = 63;
/** Of a file that is read: image models and the format's Python package have longer names than ggml opens. */
export const MAX_READ_NAME_BYTES = 65_535;
export const MAX_DIMENSIONS = 4;
