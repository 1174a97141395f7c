import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ModelOperationError } from "../errors.js";

export type Onnxruntime = typeof import("onnxruntime-node");

/**
 * Imports the onnxruntime-node of the user's project, or else the one that this package itself can see.
 * Throws RUNTIME_MISSING where there is none, RUNTIME_FAILED where there is one that does not start.
 */
export async function loadOnnxruntime(): Promise<Onnxruntime> {
  const found = resolveOnnxruntime();
  if (found === undefined)
    throw new ModelOperationError(
      "RUNTIME_MISSING",
      "Running a model needs onnxruntime-node; install it with: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node",
    );
  try {
    return (await import(pathToFileURL(found).href)) as Onnxruntime;
  } catch (cause) {
    throw new ModelOperationError("RUNTIME_FAILED", `${found} did not start: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Main file of the onnxruntime-node that models run in; undefined where there is none. */
export function resolveOnnxruntime(): string | undefined {
  return resolveFrom(join(process.cwd(), "noop.js")) ?? resolveFrom(import.meta.url);
}

function resolveFrom(origin: string): string | undefined {
  try {
    return createRequire(origin).resolve("onnxruntime-node");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
