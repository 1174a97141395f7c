import { join } from "node:path";
import type { ObservedRange, ObserverMethod } from "../calibrate/observer.js";
import { type DatasetSource, openDataset } from "../data/open-dataset.js";
import type { OnnxModel } from "../onnx/read.js";
import { writeOnnx } from "../onnx/write.js";
import type { OnProgress } from "../progress.js";
import type { ModelProcess } from "../runtime/model-process.js";
import { observedName, withOutputs } from "./expose-tensors.js";

export interface CalibrateOptions {
  data: DatasetSource;
  samples?: number | undefined;
  method: ObserverMethod;
  threads?: number | undefined;
  /** Where the model with its tensors laid open may be written. */
  folder: string;
  onProgress?: OnProgress | undefined;
}

/**
 * Runs the model over the calibration samples and returns the range of each tensor. The tensors are folded into
 * observers in the process that runs the model, batch by batch: memory does not grow with the number of samples.
 *
 * @throws ModelFormatError DATA_MISMATCH when the data does not fit the model or holds no sample
 * @throws ModelOperationError CALIBRATION_INVALID when a tensor becomes NaN or infinite
 */
export async function calibrateModel(
  models: ModelProcess,
  model: OnnxModel,
  tensors: readonly string[],
  { data, samples, method, threads, folder, onProgress }: CalibrateOptions,
): Promise<{ ranges: Record<string, ObservedRange>; samples: number }> {
  const path = join(folder, "calibration.onnx");
  const observed = new Map(tensors.map((tensor) => [observedName(model, tensor), tensor]));
  const extended = withOutputs(model, observed);
  await writeOnnx(path, extended);
  extended.close();
  const session = await models.load(path, threads === undefined ? {} : { threads });
  const dataset = await openDataset(data, { inputs: session.inputs, samples });
  const total = dataset.samples === undefined ? {} : { total: dataset.samples };
  let seen = 0;
  for await (const { feeds, count, padding } of dataset) {
    await session.observe(feeds, [...observed.keys()], method, padding);
    seen += count;
    onProgress?.({ stage: "calibrate", done: seen, ...total });
  }
  const results = Object.entries(await session.observed());
  await session.release();
  return {
    ranges: Object.fromEntries(results.map(([name, range]) => [observed.get(name)!, range])),
    samples: seen,
  };
}
