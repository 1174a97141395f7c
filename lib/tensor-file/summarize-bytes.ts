import type { Summary } from "../minmax/summarize.js";
import type { DType } from "../tensor.js";

interface SmallFloat {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** Which bits, the sign among them, stand for what is no number. */
  hasNoValue(bits: number): boolean;
  /** Whether the largest exponent without mantissa is infinity. */
  readonly infinite?: boolean;
}

/** Sources: OCP 8-bit Floating Point and Microscaling Formats specifications; for FNUZ https://arxiv.org/abs/2206.02915 */
const FLOATS = {
  float8e4m3fn: { exponentBits: 4, mantissaBits: 3, bias: 7, hasNoValue: (bits) => (bits & 0x7f) === 0x7f },
  float8e4m3fnuz: { exponentBits: 4, mantissaBits: 3, bias: 8, hasNoValue: (bits) => bits === 0x80 },
  float8e5m2: {
    exponentBits: 5,
    mantissaBits: 2,
    bias: 15,
    hasNoValue: (bits) => (bits & 0x7f) > 0x7c,
    infinite: true,
  },
  float8e5m2fnuz: { exponentBits: 5, mantissaBits: 2, bias: 16, hasNoValue: (bits) => bits === 0x80 },
  float4e2m1: { exponentBits: 2, mantissaBits: 1, bias: 1, hasNoValue: () => false },
} as const satisfies Record<string, SmallFloat>;

/** The value of some bits, by type; types of 4 bits have two to a byte, the first in its low half. */
const VALUE_OF: Partial<Record<DType, (bits: number) => number>> = {
  int4: (bits) => (bits ^ 8) - 8,
  uint4: (bits) => bits,
  float4e2m1: (bits) => floatOf(bits, FLOATS.float4e2m1),
  float8e4m3fn: (bits) => floatOf(bits, FLOATS.float8e4m3fn),
  float8e4m3fnuz: (bits) => floatOf(bits, FLOATS.float8e4m3fnuz),
  float8e5m2: (bits) => floatOf(bits, FLOATS.float8e5m2),
  float8e5m2fnuz: (bits) => floatOf(bits, FLOATS.float8e5m2fnuz),
  float8e8m0: (bits) => (bits === 0xff ? NaN : 2 ** (bits - 127)),
};

const HALVES: ReadonlySet<DType> = new Set<DType>(["int4", "uint4", "float4e2m1"]);

/**
 * Range, zeros and NaN of values of 4 or 8 bits, from how often each byte comes; undefined for other types.
 *
 * @param count how many values there are, at least one: of 4 bits, the last byte may hold one
 */
export function summarizeBytes(dtype: DType, load: () => Uint8Array, count: number): Summary | undefined {
  const decode = VALUE_OF[dtype];
  if (decode === undefined) return undefined;
  const bytes = load();
  const counts = HALVES.has(dtype) ? countHalves(bytes, count) : countBytes(bytes);
  const summary = { min: Infinity, max: -Infinity, zeros: 0, nans: 0 };
  for (let bits = 0; bits < counts.length; bits++) {
    if (counts[bits] === 0) continue;
    const value = decode(bits);
    if (Number.isNaN(value)) {
      summary.nans += counts[bits]!;
      continue;
    }
    if (value === 0) summary.zeros += counts[bits]!;
    // Of -0, +0.
    summary.min = Math.min(summary.min, value + 0);
    summary.max = Math.max(summary.max, value + 0);
  }
  if (summary.nans === count) summary.min = summary.max = NaN;
  return summary;
}

function countBytes(bytes: Uint8Array): Float64Array {
  const counts = new Float64Array(256);
  for (let i = 0; i < bytes.length; i++) counts[bytes[i]!]!++;
  return counts;
}

function countHalves(bytes: Uint8Array, count: number): Float64Array {
  const halves = new Float64Array(16);
  for (const [byte, often] of countBytes(bytes).entries()) {
    halves[byte & 15]! += often;
    halves[byte >> 4]! += often;
  }
  if (count % 2 === 1) halves[bytes.at(-1)! >> 4]!--;
  return halves;
}

function floatOf(
  bits: number,
  { exponentBits, mantissaBits, bias, hasNoValue, infinite = false }: SmallFloat,
): number {
  if (hasNoValue(bits)) return NaN;
  const mantissa = bits & (2 ** mantissaBits - 1);
  const exponent = (bits >> mantissaBits) & (2 ** exponentBits - 1);
  const sign = bits >> (mantissaBits + exponentBits) === 0 ? 1 : -1;
  if (infinite && exponent === 2 ** exponentBits - 1) return sign * Infinity;
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
  return sign * (1 + mantissa / 2 ** mantissaBits) * 2 ** (exponent - bias);
}
