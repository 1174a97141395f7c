import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ModelProcess } from "../../runtime/model-process.js";

/** Gives work a process for models and a folder for their files, and takes both back. */
export async function withModels<T>(
  signal: AbortSignal | undefined,
  work: (models: ModelProcess, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "modelpress-"));
  try {
    await using models = await ModelProcess.start({ signal });
    return await work(models, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
