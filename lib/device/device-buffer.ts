import type { Operations } from "../backend.js";
import type { CudaDevice, CudaTimes } from "../backends/cuda.js";
import { openedCuda } from "../backends/index.js";
import { ModelOperationError, outOfRange, wrongType } from "../errors.js";

/** Arrays whose elements have 1, 2 or 4 bytes. */
export type DeviceArray =
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

const TYPES = [Float32Array, Int32Array, Uint32Array, Int16Array, Uint16Array, Int8Array, Uint8Array];

interface DeviceArrayType<A extends DeviceArray> {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): A;
}

/** Runs what only the device can do. */
function onDevice<R>(run: () => R): R {
  try {
    return run();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError || !(error instanceof Error)) throw error;
    throw new ModelOperationError("DEVICE_FAILED", error.message, { cause: error });
  }
}

/** What the buffers' own functions see of them. */
const memories = new WeakMap<DeviceBuffer, object>();

/**
 * An array in the memory of the CUDA device, which stays there between the operations of deviceOperations(): no copies but the
 * first and the last. Its memory is given back by dispose(), by `using`, or when it is collected, which may be late.
 *
 * @example
 * using weights = DeviceBuffer.upload(array);
 * using steps = DeviceBuffer.allocate(Int8Array, weights.length);
 * deviceOperations().quantizeLinear(weights, ELEMENT_TYPES.float32, steps, ELEMENT_TYPES.int8, 0.02, 0);
 * const q = steps.download();
 */
export class DeviceBuffer<A extends DeviceArray = DeviceArray> {
  /** Of elements. */
  readonly length: number;
  readonly byteLength: number;
  readonly #Type: DeviceArrayType<A>;

  private constructor(Type: DeviceArrayType<A>, length: number) {
    const cuda = openedCuda();
    this.length = length;
    this.byteLength = length * Type.BYTES_PER_ELEMENT;
    this.#Type = Type;
    memories.set(
      this,
      onDevice(() => cuda.allocate(length, Type.BYTES_PER_ELEMENT)),
    );
  }

  /**
   * A buffer of `length` elements; what is in them is left open.
   *
   * @throws TypeError if Type is no array of elements of 1, 2 or 4 bytes. RangeError if length is not a whole number, 0 or more.
   * @throws ModelOperationError DEVICE_MISSING with the reason where there is no device, DEVICE_FAILED if its memory is full.
   */
  static allocate<A extends DeviceArray>(Type: DeviceArrayType<A>, length: number): DeviceBuffer<A> {
    if (!TYPES.includes(Type as never))
      throw wrongType("the type of an array with elements of 1, 2 or 4 bytes", "Type", Type);
    if (!Number.isSafeInteger(length) || length < 0)
      throw outOfRange("a whole number, 0 or more,", "length", length);
    return new DeviceBuffer(Type, length);
  }

  /**
   * A buffer with the elements of an array.
   *
   * @throws as allocate.
   */
  static upload<A extends DeviceArray>(array: A): DeviceBuffer<A> {
    const Type = TYPES.find((type) => (array as unknown) instanceof type);
    if (Type === undefined) throw wrongType("an array with elements of 1, 2 or 4 bytes", "array", array);
    const buffer = new DeviceBuffer(Type as unknown as DeviceArrayType<A>, array.length);
    onDevice(() => openedCuda().upload(memories.get(buffer)!, array));
    return buffer;
  }

  /**
   * The elements, in `out`, an array of the same type and length, or in a new one.
   *
   * @throws TypeError or RangeError if out is of another type or length, or the buffer was disposed. ModelOperationError
   *   DEVICE_FAILED if the device failed.
   */
  download(out: A = new this.#Type(this.length)): A {
    if (!(out instanceof this.#Type)) throw wrongType(`an ${this.#Type.name}`, "out", out);
    onDevice(() => openedCuda().download(memories.get(this)!, out));
    return out;
  }

  /** Gives the memory back; the buffer is of no use any more. Once more does nothing. */
  dispose(): void {
    openedCuda().release(memories.get(this)!);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

type DeviceOperation =
  | "minMax"
  | "minMaxPerAxis"
  | "quantizeLinear"
  | "quantizeLinearPerAxis"
  | "quantizeLinearBlocked"
  | "dequantizeLinear"
  | "dequantizeLinearPerAxis"
  | "dequantizeLinearBlocked"
  | "dynamicQuantizeLinear"
  | "float32ToFloat16"
  | "float16ToFloat32"
  | "float32ToBfloat16"
  | "bfloat16ToFloat32"
  | "quantizeBlockwise"
  | "dequantizeBlockwise"
  | "magnitudeThreshold"
  | "pruneMagnitude"
  | "pruneToThreshold"
  | "pruneNM"
  | "packBitmask"
  | "unpackBitmask";

type OrBuffer<T> = T extends readonly DeviceArray[]
  ? readonly DeviceBuffer[]
  : T extends DeviceArray
    ? T | DeviceBuffer
    : T;

type WithBuffers<A extends unknown[]> = { [Index in keyof A]: OrBuffer<A[Index]> };

/**
 * The operations of a Backend that run on buffers. x, y, w, packed, values and bitmask are buffers, and so are scales and zeroPoints
 * of blocks; all else, as the scales of quantizeLinearPerAxis and what is found in x, are arrays in main memory.
 */
export type DeviceOperations = {
  readonly [Name in DeviceOperation]: (...args: WithBuffers<Parameters<Operations<void>[Name]>>) => void;
};

function memoryOf(argument: unknown): unknown {
  if (argument instanceof DeviceBuffer) return memories.get(argument);
  return Array.isArray(argument) ? argument.map(memoryOf) : argument;
}

let operations: DeviceOperations | undefined;

/**
 * The operations on buffers. They return when the device is done, and give the bits that every backend gives.
 *
 * @throws ModelOperationError DEVICE_MISSING with the reason where there is no device; each operation DEVICE_FAILED if the device
 *   fails, and TypeError or RangeError if the buffers do not fit.
 */
export function deviceOperations(): DeviceOperations {
  operations ??= Object.fromEntries(
    Object.entries(openedCuda().operations).map(([name, run]) => [
      name,
      (...args: unknown[]) => onDevice(() => run(...args.map(memoryOf))),
    ]),
  ) as unknown as DeviceOperations;
  return operations;
}

/**
 * The CUDA device that the backend "cuda" and all buffers use: the first that the driver lists, which CUDA_VISIBLE_DEVICES chooses.
 *
 * @throws ModelOperationError DEVICE_MISSING with the reason where there is none.
 */
export function cudaDevice(): CudaDevice {
  return openedCuda().device;
}

/**
 * What the last call on the device took, by its own clock, whoever in this process made it.
 *
 * @throws ModelOperationError DEVICE_MISSING with the reason where there is no device.
 */
export function cudaTimes(): CudaTimes {
  return openedCuda().times();
}
