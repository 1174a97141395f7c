import { bytesOf, elementCount, type Tensor, viewAs } from "../tensor.js";
import type { ValueInfo } from "./value-info.js";

/** How many samples are run at once where the model lets them. */
export const MAX_BATCH = 32;

/** One sample, checked against the model; each feed has the model's rank. */
export interface Sample {
  feeds: Record<string, Tensor>;
  label?: number | undefined;
}

/** Samples to be run at once. */
export interface Batch {
  feeds: Record<string, Tensor>;
  /** How many samples these are. */
  count: number;
  /** How many repetitions of the last sample follow, because the model fixes its first size; mostly 0. */
  padding: number;
  /** One class per sample, where the data tells. */
  labels?: number[];
}

/**
 * Groups samples: up to `limit` where every input's first size is open, exactly k where every one is fixed to k, the
 * last group filled up with its last sample; one by one otherwise. Only neighbours of equal shapes whose own first size
 * is 1 are stacked.
 */
export async function* toBatches(
  samples: AsyncIterable<Sample> | Iterable<Sample>,
  inputs: readonly ValueInfo[],
  limit: number = MAX_BATCH,
): AsyncGenerator<Batch> {
  const fixed = fixedBatch(inputs);
  const size = fixed ?? (inputs.every(({ shape }) => typeof shape[0] === "string") ? limit : 1);
  let group: Sample[] = [];
  for await (const sample of samples) {
    const first = group[0];
    if (first !== undefined && !(isSingle(sample) && isSingle(first) && sameShapes(sample, first))) {
      yield stack(group, fixed);
      group = [];
    }
    group.push(sample);
    if (group.length === size) {
      yield stack(group, fixed);
      group = [];
    }
  }
  if (group.length > 0) yield stack(group, fixed);
}

/** The first size, where it is the same number for every input. */
export function fixedBatch(inputs: readonly ValueInfo[]): number | undefined {
  const sizes = new Set(inputs.map(({ shape }) => shape[0]));
  const [size] = sizes;
  return sizes.size === 1 && typeof size === "number" && size > 0 ? size : undefined;
}

function isSingle({ feeds }: Sample): boolean {
  return Object.values(feeds).every(({ shape }) => shape[0] === 1);
}

function sameShapes(a: Sample, b: Sample): boolean {
  return Object.entries(a.feeds).every(([name, { shape }]) => {
    const other = b.feeds[name]!.shape;
    return shape.length === other.length && shape.every((size, i) => size === other[i]);
  });
}

function stack(group: readonly Sample[], fixed: number | undefined): Batch {
  const first = group[0]!;
  const padding = fixed !== undefined && isSingle(first) ? fixed - group.length : 0;
  const rows = group.length + padding;
  const feeds =
    rows === 1
      ? first.feeds
      : Object.fromEntries(Object.keys(first.feeds).map((name) => [name, stackFeed(group, name, rows)]));
  const labels = group.map(({ label }) => label);
  return {
    feeds,
    count: group.length,
    padding,
    ...(labels.every((label) => label !== undefined) && { labels }),
  };
}

function stackFeed(group: readonly Sample[], name: string, rows: number): Tensor {
  const { dtype, shape, data } = group[0]!.feeds[name]!;
  const stride = data.byteLength;
  const bytes = new Uint8Array(stride * rows);
  for (let row = 0; row < rows; row++)
    bytes.set(bytesOf(group[Math.min(row, group.length - 1)]!.feeds[name]!.data), row * stride);
  return { dtype, shape: [rows, ...shape.slice(1)], data: viewAs(dtype, bytes) };
}

/** One sample of a batch by itself, as a service would run it; the whole batch where the model fixes its size. */
export function firstOf(batch: Batch, inputs: readonly ValueInfo[]): Batch {
  return firstRows(batch, 1, inputs);
}

/** At most so many samples of a batch, from the first on; the whole batch where the model fixes its size. */
export function firstRows(batch: Batch, rows: number, inputs: readonly ValueInfo[]): Batch {
  return batch.count <= rows || fixedBatch(inputs) !== undefined ? batch : rowsOf(batch, 0, rows);
}

/** The samples from..to (the last not included) of a batch without padding that holds several. */
export function rowsOf(batch: Batch, from: number, to: number): Batch {
  const feeds = Object.fromEntries(
    Object.entries(batch.feeds).map(([name, { dtype, shape, data }]) => {
      const rows = [to - from, ...shape.slice(1)];
      const length = elementCount(rows);
      const first = (length / (to - from)) * from;
      return [name, { dtype, shape: rows, data: data.subarray(first, first + length) }];
    }),
  );
  return {
    feeds,
    count: to - from,
    padding: 0,
    ...(batch.labels && { labels: batch.labels.slice(from, to) }),
  };
}

/** The shape of what a model made of a batch, less the repetitions that fill the batch up: they must not count. */
export function withoutPadding(
  shape: readonly number[],
  { feeds, count, padding }: Batch,
): readonly number[] {
  const rows = Object.values(feeds)[0]!.shape[0];
  return padding > 0 && shape[0] === rows ? [count, ...shape.slice(1)] : shape;
}
