import { createRequire } from "node:module";
import { join } from "node:path";
import type { Backend } from "../backend.js";
import { packageRoot } from "../package-root.js";
import type { NativeCuda } from "./cuda.js";

/** What the addon does with files; lib/files uses it. */
export interface NativeFiles {
  /** Bytes of an open regular file; -1 for everything else, and where the system's descriptors are not Node's. */
  size(descriptor: number): number;
  /** A regular file, opened for reading: its descriptor, to be closed with closeSync, and its bytes. Undefined where there is none, and as for `size`. */
  open(path: string): [descriptor: number, size: number] | undefined;
  /** Whether V8 can be told to leave mapped buffers out of the memory that it counts, once they are there. */
  readonly uncounted: boolean;
  /**
   * Maps `size` bytes of an open file from `offset`, a multiple of 64 KiB, copy on write; at most
   * buffer.constants.MAX_LENGTH bytes, beyond which Node ends the process. `unmap` detaches the buffer and gives its addresses back;
   * `forget` lets go of the pages that were looked at, and with them of what was written there.
   * Undefined where the runtime takes no memory from outside; throws what the system says otherwise.
   */
  mapFile(
    descriptor: number,
    path: string,
    offset: number,
    size: number,
  ): { buffer: ArrayBuffer; forget(): void; unmap(buffer: ArrayBuffer): void } | undefined;
}

/** What the addon does with formats; lib/safetensors/native-header.ts uses it. */
export interface NativeFormats {
  /**
   * The header of an open safetensors file of so many bytes, or the first thing that is wrong with it. Undefined where names or
   * metadata are not plain ASCII, where the file is too short for a header, and where the system's descriptors are not Node's.
   */
  readSafetensorsHeader(
    descriptor: number,
    fileBytes: number,
  ): SafetensorsTable | SafetensorsFault | undefined;
}

/** `names` has a line for each tensor; `rows` five numbers: the rank of its type in the format, its bytes, its offset in the data, and
 * where its sizes begin and end in `sizes`. `metadata` has a line for each key and one for each text. */
export interface SafetensorsTable {
  readonly dataStart: number;
  readonly names: string;
  readonly rows: Float64Array;
  readonly sizes: Float64Array;
  readonly metadata: string;
}

/** Found again by reading the header's text from `at`; seen by who reads it up to `end`. native/safetensors/header.h tells the kinds. */
export interface SafetensorsFault {
  readonly kind: "text" | "start" | "member" | "pair" | "repeated" | "close" | "end" | "place" | "rest";
  readonly at: number;
  readonly end: number;
  /** Bytes of the data that have a tensor. */
  readonly covered: number;
  readonly dataStart: number;
}

/** What the addon does with memory; lib/new-array.ts uses it. */
export interface NativeMemory {
  /** `bytes` zeros that the system is asked to back with huge pages; undefined where that cannot be. */
  allocate(bytes: number): ArrayBuffer | undefined;
}

/** What the addon knows of the processor; lib/compress/target.ts uses it. */
export interface NativeCpu {
  /** Whether 8-bit products can be summed in 32 bits (AVX512-VNNI or AVX-VNNI). */
  readonly vnni: boolean;
}

export interface NativeBackends {
  /** What this processor supports, best first; empty without an addon. */
  readonly backends: readonly Backend[];
  /** Absent without an addon. */
  readonly files?: NativeFiles;
  readonly formats?: NativeFormats;
  readonly memory?: NativeMemory;
  readonly cpu?: NativeCpu;
  readonly cuda?: NativeCuda;
  /** Why there is no addon. That is normal where no prebuilt binary fits, so it is kept until someone asks for one. */
  readonly loadError?: Error;
}

interface Addon {
  files: NativeFiles;
  formats: NativeFormats;
  memory: NativeMemory;
  cpu: NativeCpu;
  cuda: NativeCuda;
}

let loaded: NativeBackends | undefined;

/** The addon of this package: one that was built here, else the prebuilt one for this platform. Loaded at the first call. */
export function loadNative(): NativeBackends {
  loaded ??= load();
  return loaded;
}

function load(): NativeBackends {
  try {
    const root = packageRoot();
    // From there, for an installer may keep what the package needs out of sight of all others.
    const require: (root: string) => Record<string, Backend> & Addon = createRequire(
      join(root, "package.json"),
    )("node-gyp-build");
    const { files, formats, memory, cpu, cuda, ...backends } = require(root);
    return { backends: Object.values(backends), files, formats, memory, cpu, cuda };
  } catch (error) {
    return { backends: [], loadError: error instanceof Error ? error : new Error(String(error)) };
  }
}
