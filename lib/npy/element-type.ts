import type { DType } from "../tensor.js";

export interface ElementType {
  readonly dtype: DType;
  /** Bytes that are swapped together: of a complex number, those of each part. */
  readonly unit: 1 | 2 | 4 | 8;
  readonly bigEndian: boolean;
}

/** numpy's kinds and sizes of the types that are numbers here too. */
const TYPES = new Map<string, { dtype: DType; unit: ElementType["unit"] }>([
  ["b1", { dtype: "bool", unit: 1 }],
  ["i1", { dtype: "int8", unit: 1 }],
  ["u1", { dtype: "uint8", unit: 1 }],
  ["i2", { dtype: "int16", unit: 2 }],
  ["u2", { dtype: "uint16", unit: 2 }],
  ["f2", { dtype: "float16", unit: 2 }],
  ["i4", { dtype: "int32", unit: 4 }],
  ["u4", { dtype: "uint32", unit: 4 }],
  ["f4", { dtype: "float32", unit: 4 }],
  ["i8", { dtype: "int64", unit: 8 }],
  ["u8", { dtype: "uint64", unit: 8 }],
  ["f8", { dtype: "float64", unit: 8 }],
  ["c8", { dtype: "complex64", unit: 4 }],
]);

const DESCRIPTORS = new Map(
  [...TYPES].map(([code, { dtype, unit }]) => [dtype, `${unit === 1 ? "|" : "<"}${code}`]),
);

/** By what a descriptor says: the order of bytes, "|" where they have none, and the type. Some writers give bytes an order too. */
const ELEMENTS = new Map<string, ElementType>();
for (const [code, { dtype, unit }] of TYPES)
  for (const order of unit === 1 ? ["<", ">", "|"] : ["<", ">"])
    ELEMENTS.set(order + code, { dtype, unit, bigEndian: order === ">" });

/** Why elements of the other kinds are no tensor. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  O: "Python objects, which are a pickle and run code when they are loaded",
  S: "byte strings",
  a: "byte strings",
  U: "text",
  V: "raw bytes whose type numpy did not write down (bfloat16 and the 8-bit floats are stored like that); save them as another type",
  M: "dates",
  m: "time spans",
  f: "floats of a size that differs between machines; save them as float64",
  c: "complex numbers of 64-bit floats or wider; save them as complex64",
};

/**
 * What a descriptor such as "<f4" says. Undefined for what is no type of numpy.
 *
 * @param descriptor undefined stands for a list of named fields
 */
export function elementType(
  descriptor: string | undefined,
): ElementType | { readonly unsupported: string } | undefined {
  if (descriptor === undefined)
    return { unsupported: "records of named fields; save each field as an array of its own" };
  const known = ELEMENTS.get(descriptor);
  if (known !== undefined) return known;
  const [, code] = /^[<>|]([a-zA-Z]\d*(?:\[\w+\])?)$/.exec(descriptor) ?? [];
  if (code === undefined || TYPES.has(code)) return undefined;
  const reason = UNSUPPORTED[code[0]!];
  return reason === undefined ? undefined : { unsupported: `${reason} (${descriptor})` };
}

/** Undefined for a type that numpy does not have. */
export function descriptorOf(dtype: DType): string | undefined {
  return DESCRIPTORS.get(dtype);
}
