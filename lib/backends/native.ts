import { createRequire } from "node:module";
import { join } from "node:path";
import type { Backend } from "../backend.js";
import { packageRoot } from "../package-root.js";
import type { NativeCuda } from "./cuda.js";

/** What the addon does with files; lib/files/map-file.ts uses it. */
export interface NativeFiles {
  /**
   * Maps `size` bytes of an open file from `offset`, a multiple of 64 KiB, copy on write; at most
   * buffer.constants.MAX_LENGTH bytes, beyond which Node ends the process. `unmap` detaches the buffer and gives its addresses back.
   * Undefined where the runtime takes no memory from outside; throws what the system says otherwise.
   */
  mapFile(
    descriptor: number,
    path: string,
    offset: number,
    size: number,
  ): { buffer: ArrayBuffer; unmap(buffer: ArrayBuffer): void } | undefined;
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
  readonly memory?: NativeMemory;
  readonly cpu?: NativeCpu;
  readonly cuda?: NativeCuda;
  /** Why there is no addon. That is normal where no prebuilt binary fits, so it is kept until someone asks for one. */
  readonly loadError?: Error;
}

interface Addon {
  files: NativeFiles;
  memory: NativeMemory;
  cpu: NativeCpu;
  cuda: NativeCuda;
}

/** Loads the addon of this package: one that was built here, else the prebuilt one for this platform. */
export function loadNative(): NativeBackends {
  try {
    const root = packageRoot();
    // From there, for an installer may keep what the package needs out of sight of all others.
    const load: (root: string) => Record<string, Backend> & Addon = createRequire(join(root, "package.json"))(
      "node-gyp-build",
    );
    const { files, memory, cpu, cuda, ...backends } = load(root);
    return { backends: Object.values(backends), files, memory, cpu, cuda };
  } catch (error) {
    return { backends: [], loadError: error instanceof Error ? error : new Error(String(error)) };
  }
}
