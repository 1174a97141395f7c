import { fileURLToPath } from "node:url";
import { unavailableBackends } from "../../lib/index.js";

/** The CUDA kernels compiled for this processor; see cuda/cuda_runtime.h here. */
export const SHIM = fileURLToPath(new URL("../../build/cuda-shim/modelpress_cuda.so", import.meta.url));

/**
 * Makes it this process's CUDA library, unless another one is named, as on a machine with a GPU. Why it is not there, where it is
 * not: without a C++ compiler nothing was built.
 */
export function useShim(): string | undefined {
  process.env.MODELPRESS_CUDA ||= SHIM;
  return unavailableBackends().find(({ name }) => name === "cuda")?.reason;
}
