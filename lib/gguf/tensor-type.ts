import { type DType, elementCount } from "../tensor.js";

interface TypeRule {
  /** Its number in the file. */
  readonly id: number;
  /** Elements of a block, and the bytes it takes. */
  readonly elements: number;
  readonly bytes: number;
  /** Where one element is a block and a typed array can show it. */
  readonly dtype?: DType;
}

/** Every element type of the format. Source: ggml_type and the block structures of ggml. */
export const GGUF_TYPES = {
  F32: { id: 0, elements: 1, bytes: 4, dtype: "float32" },
  F16: { id: 1, elements: 1, bytes: 2, dtype: "float16" },
  Q4_0: { id: 2, elements: 32, bytes: 18 },
  Q4_1: { id: 3, elements: 32, bytes: 20 },
  Q5_0: { id: 6, elements: 32, bytes: 22 },
  Q5_1: { id: 7, elements: 32, bytes: 24 },
  Q8_0: { id: 8, elements: 32, bytes: 34 },
  Q8_1: { id: 9, elements: 32, bytes: 36 },
  Q2_K: { id: 10, elements: 256, bytes: 84 },
  Q3_K: { id: 11, elements: 256, bytes: 110 },
  Q4_K: { id: 12, elements: 256, bytes: 144 },
  Q5_K: { id: 13, elements: 256, bytes: 176 },
  Q6_K: { id: 14, elements: 256, bytes: 210 },
  Q8_K: { id: 15, elements: 256, bytes: 292 },
  IQ2_XXS: { id: 16, elements: 256, bytes: 66 },
  IQ2_XS: { id: 17, elements: 256, bytes: 74 },
  IQ3_XXS: { id: 18, elements: 256, bytes: 98 },
  IQ1_S: { id: 19, elements: 256, bytes: 50 },
  IQ4_NL: { id: 20, elements: 32, bytes: 18 },
  IQ3_S: { id: 21, elements: 256, bytes: 110 },
  IQ2_S: { id: 22, elements: 256, bytes: 82 },
  IQ4_XS: { id: 23, elements: 256, bytes: 136 },
  I8: { id: 24, elements: 1, bytes: 1, dtype: "int8" },
  I16: { id: 25, elements: 1, bytes: 2, dtype: "int16" },
  I32: { id: 26, elements: 1, bytes: 4, dtype: "int32" },
  I64: { id: 27, elements: 1, bytes: 8, dtype: "int64" },
  F64: { id: 28, elements: 1, bytes: 8, dtype: "float64" },
  IQ1_M: { id: 29, elements: 256, bytes: 56 },
  BF16: { id: 30, elements: 1, bytes: 2, dtype: "bfloat16" },
  TQ1_0: { id: 34, elements: 256, bytes: 54 },
  TQ2_0: { id: 35, elements: 256, bytes: 66 },
  MXFP4: { id: 39, elements: 32, bytes: 17 },
  NVFP4: { id: 40, elements: 64, bytes: 36 },
  Q1_0: { id: 41, elements: 128, bytes: 18 },
} as const satisfies Record<string, TypeRule>;

export type GgufType = keyof typeof GGUF_TYPES;

const BY_ID = new Map<number, GgufType>();
const BY_DTYPE = new Map<DType, GgufType>();
for (const [name, rule] of Object.entries(GGUF_TYPES) as [GgufType, TypeRule][]) {
  BY_ID.set(rule.id, name);
  if (rule.dtype) BY_DTYPE.set(rule.dtype, name);
}

/** The type of a number in a file, or undefined where there is none. */
export function ggufTypeOf(id: number): GgufType | undefined {
  return BY_ID.get(id);
}

/** How the format calls a dtype, or undefined where it has none for it. */
export function ggufTypeOfDType(dtype: DType): GgufType | undefined {
  return BY_DTYPE.get(dtype);
}

/** The dtype whose elements a typed array can show; undefined for blocks. */
export function dtypeOfGguf(type: GgufType): DType | undefined {
  return (GGUF_TYPES[type] as TypeRule).dtype;
}

/** Bytes of a tensor, or undefined where the innermost size is no whole number of blocks or the count leaves 2^53. */
export function ggufByteCount(type: GgufType, shape: readonly number[]): number | undefined {
  const { elements, bytes } = GGUF_TYPES[type];
  if ((shape.at(-1) ?? 1) % elements !== 0) return undefined;
  if (shape.includes(0)) return 0;
  const count = (elementCount(shape) / elements) * bytes;
  return Number.isSafeInteger(count) ? count : undefined;
}
