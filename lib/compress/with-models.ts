import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ModelProcess } from "../runtime/model-process.js";

/** Gives work a folder for its files, and takes it back. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "modelpress-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same with a process for models. */
export function withModels<T>(
  signal: AbortSignal | undefined,
  work: (models: ModelProcess, folder: string) => Promise<T>,
): Promise<T> {
  return withFolder(async (folder) => {
    await using models = await ModelProcess.start({ signal });
    return await work(models, folder);
  });
}
