import { join } from "node:path";
import type { LayerInput } from "../calibrate/layer-input.js";
import type { LayerStatistics } from "../calibrate/layer-statistics.js";
import { openDataset } from "../data/open-dataset.js";
import { observedName, withOutputs } from "../graph/expose-tensors.js";
import type { OnnxModel } from "../onnx/read.js";
import { writeOnnx } from "../onnx/write.js";
import type { ModelProcess } from "../runtime/model-process.js";
import type { CalibrateOptions } from "./calibrate-model.js";

/** What the statistics of the layers in one pass over the data may take, unless a single layer needs more. */
const BYTES_PER_PASS = 256 * 2 ** 20;

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
  await writeOnnx(path, extended);
  extended.close();
  const session = await models.load(path, threads === undefined ? {} : { threads });
  const dataset = await openDataset(data, { inputs: session.inputs, samples });
  const total = dataset.samples === undefined ? {} : { total: dataset.samples };
  for (const pass of passes(layers, gram)) {
    const observed = Object.fromEntries(
      pass.map(([name, layer]) => [name, { ...layer, tensor: observedName(model, layer.tensor) }]),
    );
    let seen = 0;
    for await (const { feeds, count, padding } of dataset) {
      await session.observeLayers(feeds, observed, gram, padding);
      seen += count;
      onProgress?.({ stage: "repair", done: seen, ...total });
    }
    for (const [name] of pass) {
      const statistics = await session.takeLayer(name);
      if (statistics) yield [name, statistics];
    }
  }
  await session.release();
}

function* passes(layers: ReadonlyMap<string, LayerInput>, gram: boolean): Generator<[string, LayerInput][]> {
  let pass: [string, LayerInput][] = [];
  let bytes = 0;
  for (const entry of layers) {
    const needed = gram ? 8 * entry[1].columns ** 2 * (entry[1].patches?.groups ?? 1) : 0;
    if (pass.length > 0 && bytes + needed > BYTES_PER_PASS) {
      yield pass;
      pass = [];
      bytes = 0;
    }
    pass.push(entry);
    bytes += needed;
  }
  if (pass.length > 0) yield pass;
}
