import {
  byteCount,
  type DeferredTensor,
  type DType,
  type Tensor,
  type TypedArray,
  viewAs,
} from "./tensor.js";

/** Memory that is used again and again. A new array each time would cost several times the work that fills it. */
export class Scratch {
  private memory = new ArrayBuffer(0);

  /** At least `byteLength` bytes; whoever had them before must be done. */
  take(byteLength: number): ArrayBuffer {
    if (this.memory.byteLength < byteLength) this.memory = new ArrayBuffer(byteLength);
    return this.memory;
  }

  /** What a tensor holds; of a deferred one until this memory is used again. */
  dataOf(tensor: Tensor | DeferredTensor): TypedArray {
    if ("data" in tensor) return tensor.data;
    const data = this.array(tensor.dtype, tensor.shape);
    tensor.fill(data);
    return data;
  }

  /** An array for a tensor of this type and shape. */
  array(dtype: DType, shape: readonly number[]): TypedArray {
    const byteLength = byteCount(dtype, shape);
    return viewAs(dtype, { buffer: this.take(byteLength), byteOffset: 0, byteLength });
  }
}
