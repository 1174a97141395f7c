import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Backend } from "../backend.js";

// Two levels above lib/backends and above dist/backends.
const PACKAGE_ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface NativeBackends {
  /** What this processor supports, best first; empty without an addon. */
  readonly backends: readonly Backend[];
  /** Why there is no addon. That is normal where no prebuilt binary fits, so it is kept until someone asks for one. */
  readonly loadError?: Error;
}

/** Loads the addon of this package: one that was built here, else the prebuilt one for this platform. */
export function loadNative(): NativeBackends {
  try {
    const load: (root: string) => Record<string, Backend> = createRequire(import.meta.url)("node-gyp-build");
    return { backends: Object.values(load(PACKAGE_ROOT)) };
  } catch (error) {
    return { backends: [], loadError: error instanceof Error ? error : new Error(String(error)) };
  }
}
