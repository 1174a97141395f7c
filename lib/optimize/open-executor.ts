import { resolve } from "node:path";
import { fileOf } from "../data/open-dataset.js";
import { ModelOperationError } from "../errors.js";
import { type Executor, LocalExecutor } from "./executor.js";
import type { OptimizeOptions } from "./options.js";
import { QueueExecutor } from "./queue.js";
import type { TrialContext } from "./trial.js";

/** Who is to run the trials. Throws QUEUE_FAILED. */
export async function openExecutor(
  context: TrialContext,
  { data, metrics, queue }: OptimizeOptions,
): Promise<Executor> {
  const file = fileOf(data);
  const job = file
    ? {
        model: resolve(context.model),
        source: { ...file, path: resolve(file.path) },
        labels: context.data.labels,
        inputs: context.data.inputs,
        metrics:
          metrics?.map((name) => (name.endsWith(".mjs") ? resolve(name) : name)) ?? metricNames(context),
        maxDrop: context.maxDrop,
        threads: context.threads,
        folder: context.folder,
        key: context.key,
      }
    : undefined;
  if (queue === undefined) return new LocalExecutor(context, job);
  if (job === undefined)
    throw new ModelOperationError(
      "QUEUE_FAILED",
      "workers cannot read samples in memory; give data as a file",
    );
  return QueueExecutor.open(queue, job, context.signal);
}

function metricNames({ metrics }: TrialContext): string[] {
  return metrics.map(({ name }) => name);
}
