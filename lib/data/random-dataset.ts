import { outOfRange } from "../errors.js";
import { byteCount, type DType, elementCount, type Tensor, type TypedArray, viewAs } from "../tensor.js";
import { MAX_BATCH, type Sample, toBatches } from "./batches.js";
import type { Dataset } from "./open-dataset.js";
import type { ValueInfo } from "./value-info.js";

/** Sizes taken for open dimensions after the first: pixels for images (rank 4 and up), else steps of a sequence. */
const IMAGE_SIZE = 224;
const SEQUENCE_LENGTH = 16;
/** Integers are drawn below this, which every vocabulary and every position table allows. */
const INTEGER_LIMIT = 10;

export interface RandomDataOptions {
  /** From 1; default 32. */
  samples?: number;
  /** Equal seeds give equal data on every machine; default 0. */
  seed?: number;
  /** The most samples in one batch, from 1; default 32. */
  batch?: number;
}

/**
 * Inputs for a model when there is no data: floats that are normal with mean 0 and deviation 1, integers from 0 to 9 (8-bit
 * ones their whole range, masks 1, token types 0). Open dimensions are 1 for the first, which counts samples, 224 for
 * the others of images (rank 4 and up), and 16 for the others of the rest; dimensions of one name get one size.
 */
export function randomDataset(inputs: readonly ValueInfo[], options: RandomDataOptions = {}): Dataset {
  const { samples = 32, seed = 0, batch = MAX_BATCH } = options;
  if (!Number.isSafeInteger(samples) || samples < 1)
    throw outOfRange("an integer from 1", "samples", samples);
  const shapes = openSizes(inputs);
  function* draw(): Generator<Sample> {
    const random = generator(seed);
    for (let i = 0; i < samples; i++)
      yield {
        feeds: Object.fromEntries(
          inputs.map((input, j) => [input.name, randomTensor(input, shapes[j]!, random)]),
        ),
      };
  }
  return { samples, [Symbol.asyncIterator]: () => toBatches(draw(), inputs, batch) };
}

function openSizes(inputs: readonly ValueInfo[]): number[][] {
  const named = new Map<string, number>();
  for (const { shape } of inputs)
    if (typeof shape[0] === "string" && shape[0] !== "?") named.set(shape[0], 1);
  return inputs.map(({ shape }) =>
    shape.map((size, i) => {
      if (typeof size === "number") return size;
      const chosen = named.get(size) ?? (i === 0 ? 1 : shape.length >= 4 ? IMAGE_SIZE : SEQUENCE_LENGTH);
      if (size !== "?") named.set(size, chosen);
      return chosen;
    }),
  );
}

function randomTensor(input: ValueInfo, shape: readonly number[], random: () => number): Tensor {
  const { dtype, name } = input;
  if (dtype === "float16" || dtype === "bfloat16") {
    const data = Uint16Array.from({ length: elementCount(shape) }, () => toHalfBits(normal(random), dtype));
    return { dtype, shape, data };
  }
  const data = viewAs(dtype, new Uint8Array(byteCount(dtype, shape)));
  fill(data, dtype, () => {
    if (dtype === "float32" || dtype === "float64") return normal(random);
    if (/mask/i.test(name)) return 1;
    if (/token_type|segment/i.test(name)) return 0;
    return Math.floor(random() * (dtype === "bool" ? 2 : data.BYTES_PER_ELEMENT === 1 ? 256 : INTEGER_LIMIT));
  });
  return { dtype, shape, data };
}

function fill(data: TypedArray, dtype: DType, value: () => number): void {
  if (dtype === "int64" || dtype === "uint64") {
    const wide = data as BigInt64Array | BigUint64Array;
    for (let i = 0; i < wide.length; i++) wide[i] = BigInt(value());
  } else {
    const narrow = data as Exclude<TypedArray, BigInt64Array | BigUint64Array>;
    for (let i = 0; i < narrow.length; i++) narrow[i] = value();
  }
}

/** The sum of twelve uniform numbers is close to normal, and unlike a logarithm it has the same bits on every machine. */
function normal(random: () => number): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += random();
  return sum;
}

/** The upper bits of the float32; |x| < 6, and what is too small for a normal float16 becomes 0. */
function toHalfBits(value: number, dtype: "float16" | "bfloat16"): number {
  const [bits] = new Uint32Array(Float32Array.of(value).buffer);
  if (dtype === "bfloat16") return bits! >>> 16;
  const sign = (bits! >>> 16) & 0x8000;
  const exponent = ((bits! >>> 23) & 0xff) - 127 + 15;
  return exponent <= 0 ? sign : sign | (exponent << 10) | ((bits! >>> 13) & 0x3ff);
}

/** Uniform in [0, 1), period 2^32: the mulberry32 generator. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
