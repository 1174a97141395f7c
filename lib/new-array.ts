import { nativeMemory } from "./backends/index.js";

/** Smaller arrays hardly fault at all. */
const HUGE_PAGES_PAY = 4 * 2 ** 20;

const wanted = process.env.MODELPRESS_HUGE_PAGES === "1";

interface ArrayType<A> {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): A;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): A;
}

/**
 * A new array of zeros for a result.
 *
 * The first write to fresh memory takes several times as long as the operation that writes, because the system hands it out page by
 * page. With the environment variable MODELPRESS_HUGE_PAGES=1 large arrays come from pages of 2 MiB where the platform has them.
 * That is not the default, since it depends on the machine: such pages were measured 2.5 times as fast as small ones, and on a
 * virtual machine whose host takes freed huge pages back 3.5 times as slow. Their arrays are copied where others are transferred.
 */
export function newArray<A>(Type: ArrayType<A>, length: number): A {
  const bytes = length * Type.BYTES_PER_ELEMENT;
  const buffer = wanted && bytes >= HUGE_PAGES_PAY ? nativeMemory()?.allocate(bytes) : undefined;
  return buffer === undefined ? new Type(length) : new Type(buffer, 0, length);
}
