import { FitObserver, type FittedLayer } from "../../calibrate/fit-statistics.js";
import { LayerObserver } from "../../calibrate/layer-statistics.js";
import { createObserver } from "../../calibrate/observer.js";
import { RoundingError } from "../../calibrate/rounding-error.js";
import { ModelOperationError } from "../../errors.js";
import type { Tensor } from "../../tensor.js";
import { ownRows, rowsOf } from "../own-rows.js";
import type { BatchRows, Feeds, Handlers } from "../protocol.js";
import { convertFeeds, loadedModel, runModel } from "./loaded-model.js";

/** Runs whose tensors stay here: what comes of them is folded into statistics that are asked for in the end. */
export const folding: Handlers<
  | "observe"
  | "observed"
  | "observeLayers"
  | "takeLayer"
  | "observeFits"
  | "takeFit"
  | "compareTensors"
  | "comparedTensors"
> = {
  async observe({ session, feeds, outputNames, observer: options, rows }) {
    const model = loadedModel(session);
    const tensors = await runModel(model, await convertFeeds(feeds), outputNames);
    for (const [name, tensor] of Object.entries(tensors)) {
      if (tensor.dtype !== "float32") continue;
      const observer = entry(model.observers, name, () => createObserver(options));
      try {
        const { values, isBatch } = countedValues(tensor, rows);
        if (isBatch) observer.observe(values, rows.count);
        else observer.observe(values);
      } catch (cause) {
        const input = infiniteFeed(feeds);
        const message =
          input === undefined
            ? `tensor ${name}: ${(cause as Error).message}; look for bad calibration data`
            : `input ${input}: the calibration data holds NaN or infinity`;
        throw new ModelOperationError("CALIBRATION_INVALID", `${model.label}: ${message}`, { cause });
      }
    }
    return undefined;
  },

  async observed({ session }) {
    return results(loadedModel(session).observers);
  },

  async observeLayers({ session, feeds, layers, gram, padding }) {
    const rows = rowsOf(feeds);
    const model = loadedModel(session);
    const tensors = new Set(Object.values(layers).map(({ tensor }) => tensor));
    const results = await runModel(model, await convertFeeds(feeds), [...tensors]);
    for (const [name, layer] of Object.entries(layers)) {
      const tensor = results[layer.tensor]!;
      if (tensor.dtype !== "float32") continue;
      const own = ownRows(tensor, rows, padding);
      entry(model.layers, name, () => new LayerObserver(layer, gram)).observe(own.values, own.shape);
    }
    return undefined;
  },

  async takeLayer({ session, layer }) {
    return take(loadedModel(session).layers, layer);
  },

  async observeFits({ reference, candidate, feeds, layers, padding }) {
    const rows = rowsOf(feeds);
    const model = loadedModel(candidate);
    const inputs = await convertFeeds(feeds);
    const names = (tensor: (layer: FittedLayer) => string) => [...new Set(Object.values(layers).map(tensor))];
    const ours = await runModel(
      model,
      inputs,
      names(({ input }) => input.tensor),
    );
    const targets = await runModel(
      loadedModel(reference),
      inputs,
      names(({ target }) => target.tensor),
    );
    for (const [name, layer] of Object.entries(layers)) {
      const [input, target] = [ours[layer.input.tensor]!, targets[layer.target.tensor]!];
      if (input.dtype !== "float32" || target.dtype !== "float32") continue;
      const fit = entry(model.fits, name, () => new FitObserver(layer));
      fit.observe(ownRows(input, rows, padding), ownRows(target, rows, padding));
    }
    return undefined;
  },

  async takeFit({ session, layer }) {
    return take(loadedModel(session).fits, layer);
  },

  async compareTensors({ reference, candidate, feeds, pairs, rows }) {
    const inputs = await convertFeeds(feeds);
    const model = loadedModel(candidate);
    const floatNames = pairs.flatMap(({ float }) => float ?? []);
    const floats = floatNames.length > 0 ? await runModel(loadedModel(reference), inputs, floatNames) : {};
    const names = new Set(pairs.flatMap(({ before, after }) => [before, after]));
    const ours = await runModel(model, inputs, [...names]);
    for (const { name, before, after, float } of pairs) {
      const data = ours[before]!.data as Float32Array;
      const rounded = ours[after]!.data as Float32Array;
      const own = float === undefined ? undefined : (floats[float]?.data as Float32Array | undefined);
      const { values } = countedValues(ours[before]!, rows);
      const error = entry(model.errors, name, () => new RoundingError());
      error.add(data, rounded, own?.length === data.length ? own : undefined, values.length);
    }
    return undefined;
  },

  async comparedTensors({ candidate }) {
    return results(loadedModel(candidate).errors);
  },
};

/** The first input with a value that is NaN or infinite. */
function infiniteFeed(feeds: Feeds): string | undefined {
  const isInfinite = ({ dtype, data }: Tensor) =>
    dtype === "float32" && (data as Float32Array).some((value) => !Number.isFinite(value));
  return Object.keys(feeds).find((name) => isInfinite(feeds[name]!));
}

/** The values of a tensor that count: what repeats the last sample only to fill a fixed batch must not weigh in a distribution. */
function countedValues({ shape, data }: Tensor, { count, padding }: BatchRows) {
  const values = data as Float32Array;
  const isBatch = shape[0] === count + padding;
  const length = isBatch ? (values.length / (count + padding)) * count : values.length;
  return { values: values.subarray(0, length), isBatch };
}

/** What stands under a name, made where there is nothing yet. */
function entry<V>(map: Map<string, V>, name: string, make: () => V): V {
  const known = map.get(name);
  if (known !== undefined) return known;
  const made = make();
  map.set(name, made);
  return made;
}

function results<R>(map: ReadonlyMap<string, { result(): R }>): Record<string, R> {
  return Object.fromEntries([...map].map(([name, each]) => [name, each.result()]));
}

/** What was found under a name, which is forgotten. */
function take<R>(map: Map<string, { result(): R }>, name: string): R | undefined {
  const result = map.get(name)?.result();
  map.delete(name);
  return result;
}
