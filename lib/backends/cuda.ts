import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Backend, Operations } from "../backend.js";

const VARIABLE = "MODELPRESS_CUDA";
const PACKAGE = "modelpress-cuda";

/** The device that the backend "cuda" works on. */
export interface CudaDevice {
  readonly name: string;
  readonly memoryBytes: number;
  /** What its memory can move at most; 0 where the driver does not tell. */
  readonly bytesPerSecond: number;
  /** Compute capability, as "8.6". */
  readonly capability: string;
}

/** Milliseconds of the last call, by the device's own clock; parts that overlapped are added up. */
export interface CudaTimes {
  readonly toDevice: number;
  readonly kernels: number;
  readonly toHost: number;
}

/** The operations that the library has; on arrays in main memory, or on memory of the device in their place. */
type CudaOperations = Record<string, (...args: unknown[]) => unknown>;

/** The library once it is open. */
export interface OpenedCuda {
  readonly name: string;
  readonly device: CudaDevice;
  /** Smaller arrays in main memory are not worth the way. */
  readonly leastBytes: number;
  readonly operations: CudaOperations;
  readonly async: CudaOperations;
  /** Memory of the device, which is given back when the object is collected, or earlier by release. */
  allocate(length: number, elementBytes: number): object;
  release(memory: object): void;
  upload(memory: object, from: ArrayBufferView): void;
  download(memory: object, to: ArrayBufferView): void;
  times(): CudaTimes;
}

/** What the addon does to reach the CUDA library. */
export interface NativeCuda {
  /** Throws why it cannot be used: no such library, another version, no driver, no device. */
  open(path: string): OpenedCuda;
}

export interface LoadedCuda {
  readonly backend?: Backend;
  readonly opened?: OpenedCuda;
  /** Why there is none. */
  readonly reason?: string;
}

function libraryPath(): string | undefined {
  const named = process.env[VARIABLE];
  if (named) return named;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
    const library = process.platform === "win32" ? "modelpress_cuda.dll" : "modelpress_cuda.so";
    return join(dirname(manifest), "prebuilds", `${process.platform}-${process.arch}`, library);
  } catch {
    return undefined; // not installed, as nearly everywhere
  }
}

/** The CUDA backend, where there is a device that the library can use; `cpu` does what it does not. */
export function loadCuda(native: NativeCuda | undefined, cpu: Backend): LoadedCuda {
  const path = libraryPath();
  if (path === undefined)
    return { reason: `the package ${PACKAGE} is not installed, and ${VARIABLE} names no library` };
  if (native === undefined) return { reason: "the native addon, which loads it, is not there" };
  try {
    const opened = native.open(path);
    return { opened, backend: backendOf(opened, cpu) };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

function backendOf(opened: OpenedCuda, cpu: Backend): Backend {
  return {
    ...cpu,
    ...mapOperations(opened, opened.operations, (name) => cpu[name] as Operation, orElse),
    async: {
      ...cpu.async,
      ...mapOperations(opened, opened.async, (name) => cpu.async[name] as Operation, orElseLater),
    },
    name: opened.name,
  };
}

type Operation = (...args: unknown[]) => unknown;

function mapOperations(
  { leastBytes }: OpenedCuda,
  operations: CudaOperations,
  cpu: (name: keyof Operations<void>) => Operation,
  combine: (device: Operation, cpu: Operation) => Operation,
): Record<string, Operation> {
  return Object.fromEntries(
    Object.entries(operations).map(([name, device]) => {
      const own = cpu(name as keyof Operations<void>);
      const either = combine(device, own);
      return [name, (...args: unknown[]) => (bytesOf(args[0]) < leastBytes ? own(...args) : either(...args))];
    }),
  );
}

/** Of an array, or of a list of them. */
function bytesOf(x: unknown): number {
  if (ArrayBuffer.isView(x)) return x.byteLength;
  return Array.isArray(x) ? x.reduce((sum, array) => sum + bytesOf(array), 0) : 0;
}

/**
 * What the device fails to do, for want of memory or otherwise, the processor does. What was written before is no hindrance: an
 * operation that may write over its input gives the same once more.
 */
function orElse(device: Operation, cpu: Operation): Operation {
  return (...args) => {
    try {
      return device(...args);
    } catch (error) {
      requireDeviceFailure(error);
      return cpu(...args);
    }
  };
}

function orElseLater(device: Operation, cpu: Operation): Operation {
  return async (...args) => {
    try {
      return await device(...args);
    } catch (error) {
      requireDeviceFailure(error);
      return cpu(...args);
    }
  };
}

let warned = false;

/** Wrong arguments are of a kind of their own, and are thrown on. */
function requireDeviceFailure(error: unknown): asserts error is Error {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) throw error;
  if (warned) return;
  warned = true;
  process.emitWarning(`CUDA failed, so the processor does the work: ${error.message}`, {
    code: "MODELPRESS_CUDA",
    detail: "This is said once; later calls try the device again.",
  });
}
