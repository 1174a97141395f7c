import { ModelFormatError, outOfRange } from "../errors.js";
import { type Batch, MAX_BATCH, type Sample, toBatches } from "./batches.js";
import { checkFeeds, type FeedLike, mismatch } from "./check-feeds.js";
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

/**
 * Opens data for a model. Everything is checked against the model's inputs: a wrong, missing or misshapen field gives
 * ModelFormatError DATA_MISMATCH, which names the field and lists the inputs; other errors of the file pass through.
 */
export async function openDataset(source: DatasetSource, options: DatasetOptions): Promise<Dataset> {
  const { inputs, labels, samples: limit, batch = MAX_BATCH } = options;
  if (!Number.isSafeInteger(batch) || batch < 1) throw outOfRange("an integer from 1", "batch", batch);
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1))
    throw outOfRange("an integer from 1", "samples", limit);
  if (inputs.length === 0)
    throw new ModelFormatError("DATA_MISMATCH", "the model has no inputs, so there is nothing to give it");
  const path = typeof source === "string" || source instanceof URL ? String(source) : undefined;
  if (path?.endsWith(".safetensors")) {
    const tensors = await openTensors(source as string | URL, inputs, labels);
    const samples = Math.min(tensors.samples, limit ?? tensors.samples);
    return dataset(samples, () => toBatches(take(tensors, samples), inputs, batch));
  }
  if (labels !== undefined)
    mismatch(
      "only a safetensors file has a tensor of labels; let samples carry `label`",
      inputs,
      path,
      labels,
    );
  const given =
    path === undefined ? (source as Exclude<DatasetSource, string | URL>) : await loadModule(path);
  const passes = new Passes(given, path);
  return dataset(undefined, () =>
    toBatches(
      take(checkSamples(passes.next(), inputs, path), limit ?? Number.POSITIVE_INFINITY),
      inputs,
      batch,
    ),
  );
}

async function* take<T>(items: AsyncIterable<T> | Iterable<T>, limit: number): AsyncGenerator<T> {
  let taken = 0;
  for await (const item of items) {
    yield item;
    if (++taken >= limit) return;
  }
}

function dataset(samples: number | undefined, iterate: () => AsyncIterator<Batch>): Dataset {
  return { samples, [Symbol.asyncIterator]: iterate };
}

/** Starts each pass over a source, and refuses the second one over an iterator, which would be empty. */
class Passes {
  private used = false;
  constructor(
    private readonly source: Exclude<DatasetSource, string | URL>,
    private readonly path: string | undefined,
  ) {}

  async next(): Promise<SampleSource> {
    const samples = typeof this.source === "function" ? await this.source() : this.source;
    if (typeof samples !== "object" || !(Symbol.asyncIterator in samples || Symbol.iterator in samples))
      throw new ModelFormatError("DATA_MISMATCH", "expected an iterable of { feeds, label? }", {
        path: this.path,
      });
    // An iterator, such as what a generator returns, is spent after one pass; a collection has no `next`.
    const once = "next" in samples;
    if (once && this.used && typeof this.source !== "function")
      throw new ModelFormatError(
        "DATA_MISMATCH",
        "the data can be read only once; give an array, or a function that returns an iterable",
        { path: this.path },
      );
    this.used = true;
    return samples;
  }
}

async function* checkSamples(
  source: Promise<SampleSource>,
  inputs: readonly ValueInfo[],
  path: string | undefined,
): AsyncGenerator<Sample> {
  for await (const sample of await source) {
    if (typeof sample !== "object" || sample === null)
      mismatch("a sample must be { feeds: { <input>: tensor }, label? }", inputs, path);
    const { label } = sample;
    const index = Number(label);
    if (label !== undefined && !(Number.isSafeInteger(index) && index >= 0))
      mismatch(`expected an integer from 0 but received ${String(label)}`, inputs, path, "label");
    yield { feeds: checkFeeds(sample.feeds, inputs, path), label: label === undefined ? undefined : index };
  }
}
