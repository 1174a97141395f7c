import type { Tensor } from "../tensor.js";

type Numbers = Exclude<Tensor["data"], BigInt64Array | BigUint64Array>;

/** The values of a tensor as numbers that can be compared; wide integers lose what a float64 cannot hold. */
export function toNumbers({ dtype, data }: Tensor): Numbers {
  if (dtype === "float16") return Float32Array.from(data as Uint16Array, halfToNumber);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    return Float64Array.from(data as ArrayLike<bigint>, Number);
  return data;
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
