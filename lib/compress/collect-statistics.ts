import { join } from "node:path";
import type { LayerInput } from "../calibrate/layer-input.js";
import type { LayerStatistics } from "../calibrate/layer-statistics.js";
import { openDataset } from "../data/open-dataset.js";
import { observedName, withOutputs } from "../graph/expose-tensors.js";
import type { OnnxModel } from "../onnx/read.js";
import { writeOnnx } from "../onnx/write.js";
import { forEachBatch } from "../runtime/for-each-batch.js";
import type { ModelProcess } from "../runtime/model-process.js";
import type { CalibrateOptions } from "./calibrate-model.js";
import { passesOf } from "./passes-of.js";

export interface CollectOptions extends Omit<CalibrateOptions, "observer" | "cache" | "kept"> {
  /** Products of columns too, which grow with the square of a layer's inputs. */
  gram: boolean;
}

/**
 * Runs the float model over the calibration samples and yields what the input of each layer was like. Memory grows
 * neither with the number of samples nor with that of the layers: many layers take several passes over the data.
 *
 * @param layers by any name; the same names come with the results
 * @throws ModelFormatError DATA_MISMATCH when the samples cannot be read again
 */
export async function* collectStatistics(
  models: ModelProcess,
  model: OnnxModel,
  layers: ReadonlyMap<string, LayerInput>,
  { data, samples, threads, folder, gram, onProgress }: CollectOptions,
): AsyncGenerator<[string, LayerStatistics]> {
  const path = join(folder, "layers.onnx");
  const exposed = new Map([...layers.values()].map(({ tensor }) => [observedName(model, tensor), tensor]));
  const extended = withOutputs(model, exposed);
  await writeOnnx(path, extended, { sync: false });
  extended.close();
  const session = await models.load(path, threads === undefined ? {} : { threads });
  const dataset = await openDataset(data, { inputs: session.inputs, samples });
  for (const pass of passesOf(layers, ([, layer]) => (gram ? gramBytes(layer) : 0))) {
    const observed = Object.fromEntries(
      pass.map(([name, layer]) => [name, { ...layer, tensor: observedName(model, layer.tensor) }]),
    );
    await forEachBatch(
      dataset,
      ({ feeds, padding }) => session.observeLayers(feeds, observed, gram, padding),
      { stage: "repair", onProgress },
    );
    for (const [name] of pass) {
      const statistics = await session.takeLayer(name);
      if (statistics) yield [name, statistics];
    }
  }
  session.release();
}

/** What the products of a layer's columns take. */
function gramBytes({ columns, patches }: LayerInput): number {
  return 8 * columns ** 2 * (patches?.groups ?? 1);
}
