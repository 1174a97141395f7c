import { fileURLToPath } from "node:url";
import { ModelFormatError, outOfRange } from "../errors.js";
import { type Batch, MAX_BATCH, type Sample, toBatches } from "./batches.js";
import { type FeedLike, mismatch } from "./check-feeds.js";
import { IterableSamples } from "./iterable-samples.js";
import { loadModule } from "./load-module.js";
import { isTensorFile, openTensors } from "./tensor-samples.js";
import type { ValueInfo } from "./value-info.js";

/** One sample as the user gives it: a tensor or typed array per model input, and its class where that is known. */
export interface SampleLike {
  readonly feeds: Readonly<Record<string, FeedLike>>;
  readonly label?: number | bigint;
}

export type SampleSource = Iterable<SampleLike> | AsyncIterable<SampleLike>;

/** A .safetensors or .npz file whose tensors have other names than the model's inputs. */
export interface TensorFileSource {
  readonly path: string | URL;
  /** By input, the tensor that holds its samples; default the one with the input's name. */
  readonly tensors?: Readonly<Record<string, string>> | undefined;
}

/**
 * Where samples come from: the path of a .safetensors or .npz file or of a .mjs module, or samples in memory. A function is
 * called for every pass over the data, so that generators can be read more than once.
 */
export type DatasetSource = string | URL | TensorFileSource | SamplesInMemory;

export type SamplesInMemory = SampleSource | (() => SampleSource | Promise<SampleSource>);

export interface DatasetOptions {
  /** The inputs of the model that the data is for. */
  inputs: readonly ValueInfo[];
  /** The tensor of class labels in a .safetensors or .npz file; samples of other sources carry their own `label`. */
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
  const file = fileOf(source);
  if (file !== undefined && isTensorFile(file.path)) {
    const opened = openTensors(file.path, inputs, file.tensors, labels);
    return { samples: opened.samples, each: opened };
  }
  const named = labels ?? Object.keys(file?.tensors ?? {})[0];
  if (named !== undefined)
    mismatch(
      "only a .safetensors or .npz file has tensors to name; let samples carry `feeds` and `label`",
      inputs,
      file?.path,
      named,
    );
  const own = file ? await loadModule(file.path) : (source as SamplesInMemory);
  return { samples: undefined, each: new IterableSamples(own, inputs, file?.path) };
}

/** The file that samples come from, and which tensors of it, as plain data; undefined for samples in memory. */
export function fileOf(
  source: DatasetSource,
): { path: string; tensors: Readonly<Record<string, string>> } | undefined {
  if (typeof source === "string") return { path: source, tensors: {} };
  if (source instanceof URL) return { path: fileURLToPath(source), tensors: {} };
  if (typeof source !== "object" || source === null || !("path" in source)) return undefined;
  const { path, tensors = {} } = source;
  return { path: path instanceof URL ? fileURLToPath(path) : path, tensors };
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
