import { outOfRange, wrongType } from "./errors.js";
import { type DType, isStorageOf, type TypedArray } from "./tensor.js";

/**
 * Throws unless `data` is what a tensor of this type and so many bytes holds. An array of other elements may have as many bytes, but not
 * those of the values that it shows; plain bytes are taken for any type.
 *
 * @param what the tensor in errors
 */
export function checkData(dtype: DType, data: TypedArray, byteLength: number, what: string): void {
  if (!ArrayBuffer.isView(data)) throw wrongType("a typed array", `data of ${what}`, data);
  if (!isStorageOf(dtype, data)) throw wrongType(`an array of ${dtype} or of bytes`, `data of ${what}`, data);
  if (data.byteLength !== byteLength)
    throw outOfRange(`${byteLength} bytes`, `data of ${what}`, data.byteLength);
}
