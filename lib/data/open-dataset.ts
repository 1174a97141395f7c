import { fileURLToPath } from "node:url";
import { ModelFormatError, outOfRange } from "../errors.js";
import { type Batch, MAX_BATCH, type Sample, toBatches } from "./batches.js";
import { type FeedLike, mismatch } from "./check-feeds.js";
import { IterableSamples } from "./iterable-samples.js";
import { loadModule } from "./load-module.js";
import { openTensors } from "./tensor-samples.js";
import type { ValueInfo } from "./value-info.js";

/** One sample as the user gives it: a tensor or typed array per model input, and its class where that is known. */
export interface SampleLike {
  readonly feeds: Readonly<Record<string, FeedLike>>;
  readonly label?: number | bigint;
}

export type SampleSource = Iterable<SampleLike> | AsyncIterable<SampleLike>;

/**
 * Where samples come from: the path of a .safetensors file or of a .mjs module, or samples in memory. A function is
 * called for every pass over the data, so that generators can be read more than once.
 */
export type DatasetSource = string | URL | SampleSource | (() => SampleSource | Promise<SampleSource>);

export interface DatasetOptions {
  /** The inputs of the model that the data is for. */
  inputs: readonly ValueInfo[];
  /** The tensor of class labels in a safetensors file; samples of other sources carry their own `label`. */
  labels?: string | undefined;
  /** How many samples to take, from the first on; default all. */
  samples?: number | undefined;
  /** The most samples in one batch, from 1; default 32. */
  batch?: number | undefined;
}

/** Samples in batches that fit the model. Can be iterated again, unless it was made of an iterator that cannot. */
export interface Dataset extends AsyncIterable<Batch> {
  /** How many samples there are, where that is known beforehand. */
  readonly samples: number | undefined;
}

/** Samples of any source, checked one by one; can be iterated again as Dataset. */
export interface Samples {
  readonly samples: number | undefined;
  readonly each: AsyncIterable<Sample> | Iterable<Sample>;
}

/**
 * Opens data for a model. Everything is checked against the model's inputs: a wrong, missing or misshapen field gives
 * ModelFormatError DATA_MISMATCH, which names the field and lists the inputs; other errors of the file pass through.
 */
export async function openDataset(source: DatasetSource, options: DatasetOptions): Promise<Dataset> {
  const { inputs, samples: limit, batch = MAX_BATCH } = options;
  if (!Number.isSafeInteger(batch) || batch < 1) throw outOfRange("an integer from 1", "batch", batch);
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1))
    throw outOfRange("an integer from 1", "samples", limit);
  const { samples, each } = await openSamples(source, options);
  const most = Math.min(samples ?? Number.POSITIVE_INFINITY, limit ?? Number.POSITIVE_INFINITY);
  return {
    samples: samples === undefined ? undefined : most,
    [Symbol.asyncIterator]: () => toBatches(take(each, most), inputs, batch),
  };
}

/** The same before samples are put into batches. */
export async function openSamples(
  source: DatasetSource,
  { inputs, labels }: Pick<DatasetOptions, "inputs" | "labels">,
): Promise<Samples> {
  if (inputs.length === 0)
    throw new ModelFormatError("DATA_MISMATCH", "the model has no inputs, so there is nothing to give it");
  const given = source instanceof URL ? fileURLToPath(source) : source;
  const path = typeof given === "string" ? given : undefined;
  if (path?.endsWith(".safetensors")) {
    const tensors = openTensors(path, inputs, labels);
    return { samples: tensors.samples, each: tensors };
  }
  if (labels !== undefined)
    mismatch(
      "only a safetensors file has a tensor of labels; let samples carry `label`",
      inputs,
      path,
      labels,
    );
  const own = typeof given === "string" ? await loadModule(given) : given;
  return { samples: undefined, each: new IterableSamples(own, inputs, path) };
}

async function* take(
  samples: AsyncIterable<Sample> | Iterable<Sample>,
  limit: number,
): AsyncGenerator<Sample> {
  let taken = 0;
  for await (const sample of samples) {
    yield sample;
    if (++taken >= limit) return;
  }
}
