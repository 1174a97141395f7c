import type { TypedArray } from "../tensor.js";

/** Types of metadata in the order of their numbers. Source: gguf_type of ggml. */
export const VALUE_TYPES = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "bool",
  "string",
  "array",
  "uint64",
  "int64",
  "float64",
] as const;

export type GgufValueType = (typeof VALUE_TYPES)[number];
export type GgufItemType = Exclude<GgufValueType, "array">;

/** A value of the metadata with its type in the file: 3 may be a uint8 as well as a float64. */
export type GgufValue =
  | { readonly type: "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32"; readonly value: number }
  | { readonly type: "float32" | "float64"; readonly value: number }
  | { readonly type: "uint64" | "int64"; readonly value: bigint }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | GgufArray;

export interface GgufArray {
  readonly type: "array";
  readonly of: GgufItemType;
  readonly length: number;
  /** Typed arrays for numbers, bytes of 0 and 1 for bool. Of a file that was read it is decoded when it is asked for. */
  readonly value: TypedArray | readonly string[];
}

/** Bytes of an item; 0 for strings, which have their own length before them. */
export const ITEM_BYTES: Readonly<Record<GgufItemType, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  bool: 1,
  string: 0,
  uint64: 8,
  int64: 8,
  float64: 8,
};
