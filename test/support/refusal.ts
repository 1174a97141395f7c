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

/** Memory that hostile bytes may cost a reader. */
const MAX_EXTRA_BYTES = 50_000_000;
/** And work: of the processor, for a machine may be busy, and of the best of some calls, for the first ones also compile. */
const MAX_MICROSECONDS = 100_000;
const MAX_CALLS = 4;

/** Writes bytes to `path`, reads them, and returns the error; fails where that took much memory or work. */
export function attack(path: string, bytes: Uint8Array, read: (path: string) => unknown): ModelFormatError {
  writeFileSync(path, bytes);
  const { result, extraBytes, microseconds } = costOf(() => refusal(() => read(path)));
  if (extraBytes > MAX_EXTRA_BYTES) throw new Error(`refusing took ${extraBytes} bytes of memory`);
  if (microseconds > MAX_MICROSECONDS) throw new Error(`refusing took ${microseconds} microseconds`);
  if (result === undefined) throw new Error("the file was taken");
  return result;
}

/** What work gives, what it left in memory, and the time it takes once it is compiled. */
function costOf<T>(work: () => T): { result: T; extraBytes: number; microseconds: number } {
  const before = process.memoryUsage();
  let used = process.cpuUsage();
  const result = work();
  const after = process.memoryUsage();
  const since = () => {
    const { user, system } = process.cpuUsage(used);
    return user + system;
  };
  let microseconds = since();
  for (let calls = 1; microseconds > MAX_MICROSECONDS && calls < MAX_CALLS; calls++) {
    used = process.cpuUsage();
    work();
    microseconds = Math.min(microseconds, since());
  }
  const extraBytes = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
  return { result, extraBytes, microseconds };
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
