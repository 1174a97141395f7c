import { join } from "node:path";
import type { ObservedRange, ObserverOptions } from "../calibrate/observer.js";
import type { KeptSamples } from "../data/kept-samples.js";
import { type DatasetSource, openDataset } from "../data/open-dataset.js";
import { observedName, withOutputs } from "../graph/expose-tensors.js";
import { gateFloor } from "../graph/gate-floor.js";
import type { Graph } from "../graph/graph.js";
import { writeOnnx } from "../onnx/write.js";
import type { OnProgress } from "../progress.js";
import { forEachBatch } from "../runtime/for-each-batch.js";
import type { ModelProcess } from "../runtime/model-process.js";
import type { CacheUse } from "./calibration-cache.js";

export interface CalibrateOptions {
  data: DatasetSource;
  samples?: number | undefined;
  observer: ObserverOptions;
  threads?: number | undefined;
  /** Where the model with its tensors laid open may be written. */
  folder: string;
  /** A file that keeps the ranges: taken from it where model, data and method are the same, else written to it. */
  cache?: string | undefined;
  /** Keeps some samples of those that are read. */
  kept?: KeptSamples | undefined;
  onProgress?: OnProgress | undefined;
}

export interface Calibration {
  /** By tensor name. */
  ranges: Record<string, ObservedRange>;
  samples: number;
  /** What became of the cache file; absent without one. */
  cache?: CacheUse;
}

/**
 * Runs the model over the calibration samples and returns the range of each tensor. The tensors are folded into
 * observers in the process that runs the model, batch by batch: memory does not grow with the number of samples. What a
 * gate makes zero of anyway counts as the value at which the gate shuts, so that no step is spent on it.
 *
 * @throws ModelFormatError DATA_MISMATCH when the data does not fit the model or holds no sample, CACHE_INVALID for a
 *   cache file that is damaged or something else
 * @throws ModelOperationError CALIBRATION_INVALID when a tensor becomes NaN or infinite
 */
export async function calibrateModel(
  models: ModelProcess,
  graph: Graph,
  tensors: readonly string[],
  { data, samples, observer, threads, folder, cache, kept: samplesKept, onProgress }: CalibrateOptions,
): Promise<Calibration> {
  const path = join(folder, "calibration.onnx");
  const { model } = graph;
  const observed = new Map<string, string>();
  const floors = new Map<string, number>();
  for (const tensor of tensors) {
    const floor = gateFloor(graph, tensor);
    const name = floor === undefined ? observedName(model, tensor) : graph.freeName(`${tensor}_raised`);
    observed.set(name, tensor);
    if (floor !== undefined) floors.set(name, floor);
  }
  const extended = withOutputs(model, observed, floors);
  const files = await writeOnnx(path, extended, { sync: false });
  extended.close();
  const session = await models.load(path, threads === undefined ? {} : { threads });
  const { inputs } = session;
  const opened = await openDataset(data, { inputs, samples });
  const dataset = samplesKept?.watch(opened, inputs) ?? opened;
  const kept = cache === undefined ? undefined : await openCache(cache, files, dataset, observer, onProgress);
  if (cache !== undefined && kept?.held) {
    session.release();
    return { ...kept.held, cache: { path: cache, state: "used" } };
  }
  const names = [...observed.keys()];
  const seen = await forEachBatch(
    dataset,
    ({ feeds, count, padding }) => session.observe(feeds, names, observer, { count, padding }),
    { stage: "calibrate", onProgress },
  );
  const results = Object.entries(await session.observed());
  session.release();
  const ranges = Object.fromEntries(results.map(([name, range]) => [observed.get(name)!, range]));
  const found = { ranges, samples: seen };
  return kept === undefined ? found : { ...found, cache: await kept.store(found) };
}

/** Loaded when one is asked for: with what checks its JSON it takes 40 ms. */
async function openCache(...args: Parameters<typeof import("./calibration-cache.js").openCalibrationCache>) {
  const { openCalibrationCache } = await import("./calibration-cache.js");
  return openCalibrationCache(...args);
}
