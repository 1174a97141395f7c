import type { Batch } from "../data/batches.js";
import type { Dataset } from "../data/open-dataset.js";
import type { OnProgress } from "../progress.js";

/**
 * Sends every batch to a model. The next one is read and sent while the model still works on the one before: two are under way at
 * most, so that memory does not grow with the number of samples.
 *
 * @param run sends a batch, and resolves when the model is done with it
 * @param progress told how many samples the model is done with
 * @returns how many samples there were
 * @throws what reading or `run` throws; of two errors the one of the earlier batch
 */
export async function forEachBatch(
  dataset: Dataset,
  run: (batch: Batch) => Promise<void>,
  { stage, onProgress }: { stage: string; onProgress?: OnProgress | undefined },
): Promise<number> {
  const total = dataset.samples === undefined ? {} : { total: dataset.samples };
  let done = 0;
  const finish = async (batch: Batch) => {
    await run(batch);
    done += batch.count;
    onProgress?.({ stage, done, ...total });
  };
  let before = Promise.resolve();
  try {
    for await (const batch of dataset) {
      const now = finish(batch);
      // It is waited for below; until then its error may stay.
      now.catch(() => undefined);
      await before;
      before = now;
    }
  } finally {
    await before;
  }
  return done;
}
