import { writeFileSync } from "node:fs";
import { ModelFormatError } from "../../lib/errors.js";

/** What a reader took or threw; anything but a ModelFormatError is thrown on. */
export function refusal(work: () => unknown): ModelFormatError | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof ModelFormatError) return error;
    throw error;
  }
  return undefined;
}

/** Memory that hostile bytes of a few kilobytes may cost a reader. */
const MAX_EXTRA_BYTES = 50_000_000;
/** Work: ten times what is promised, for the first call also compiles. The processor's time, for a machine may be busy. */
const MAX_MICROSECONDS = 1_000_000;

/** Writes bytes to `path`, reads them, and returns the error; fails where that took much memory or work. */
export function attack(path: string, bytes: Uint8Array, read: (path: string) => unknown): ModelFormatError {
  writeFileSync(path, bytes);
  const before = process.memoryUsage();
  const used = process.cpuUsage();
  const error = refusal(() => read(path));
  const { user, system } = process.cpuUsage(used);
  const after = process.memoryUsage();
  const extra = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
  if (extra > MAX_EXTRA_BYTES) throw new Error(`refusing took ${extra} bytes of memory`);
  if (user + system > MAX_MICROSECONDS) throw new Error(`refusing took ${user + system} microseconds`);
  if (error === undefined) throw new Error("the file was taken");
  return error;
}

/** Numbers and text as the bytes of a file, little-endian. */
export class Bytes {
  private readonly parts: Uint8Array[] = [];

  u8(...values: number[]): this {
    this.parts.push(Uint8Array.from(values));
    return this;
  }
  u16(...values: number[]): this {
    this.parts.push(new Uint8Array(Uint16Array.from(values).buffer));
    return this;
  }
  u32(...values: number[]): this {
    this.parts.push(new Uint8Array(Uint32Array.from(values).buffer));
    return this;
  }
  u64(...values: (number | bigint)[]): this {
    this.parts.push(new Uint8Array(BigUint64Array.from(values, BigInt).buffer));
    return this;
  }
  text(text: string): this {
    this.parts.push(Buffer.from(text));
    return this;
  }
  raw(bytes: Uint8Array): this {
    this.parts.push(bytes);
    return this;
  }
  zeros(count: number): this {
    return this.raw(new Uint8Array(count));
  }
  get length(): number {
    return this.parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
  end(): Uint8Array {
    return Buffer.concat(this.parts);
  }
}
