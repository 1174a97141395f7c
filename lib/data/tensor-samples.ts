import { ModelFormatError } from "../errors.js";
import { readNpz } from "../npy/read-npz.js";
import { readSafetensors } from "../safetensors/read.js";
import { elementCount, type Tensor } from "../tensor.js";
import type { Sample } from "./batches.js";
import { checkFeeds, mismatch } from "./check-feeds.js";
import { fitValues } from "./fit-values.js";
import { readLabels } from "./labels.js";
import type { ValueInfo } from "./value-info.js";

/** Files of named tensors that samples can be read from. */
const READERS = {
  ".safetensors": readSafetensors,
  ".npz": readNpz,
} as const;

interface TensorSamples extends Iterable<Sample> {
  readonly samples: number;
}

/** The samples of one input. */
interface Column {
  readonly input: ValueInfo;
  readonly tensor: Tensor;
  readonly rowShape: readonly number[];
}

type Fail = (message: string, field: string) => never;

function readerOf(path: string): (typeof READERS)[keyof typeof READERS] | undefined {
  return Object.entries(READERS).find(([suffix]) => path.endsWith(suffix))?.[1];
}

export function isTensorFile(path: string): boolean {
  return readerOf(path) !== undefined;
}

/**
 * The samples of a safetensors or npz file: one tensor per model input, the first size counting samples. A tensor of the
 * input's rank holds one row per sample; one of a rank more holds a whole input per sample, for inputs without a batch.
 *
 * @param names the tensor of an input, where it has another name
 */
export function openTensors(
  path: string,
  inputs: readonly ValueInfo[],
  names: Readonly<Record<string, string>>,
  labels: string | undefined,
): TensorSamples {
  const fail: Fail = (message, field) => mismatch(message, inputs, path, field);
  const unknown = Object.keys(names).find((name) => !inputs.some((input) => input.name === name));
  if (unknown !== undefined) fail("the model has no such input", unknown);
  const { tensors } = readerOf(path)!(path);
  const columns = inputs.map((input) => openColumn(tensors, input, names[input.name] ?? input.name, fail));
  const samples = columns[0]!.tensor.shape[0]!;
  for (const { input, tensor } of columns)
    if (tensor.shape[0] !== samples)
      fail(`${tensor.shape[0]} samples, but ${inputs[0]!.name} has ${samples}`, input.name);
  if (samples === 0) throw new ModelFormatError("DATA_MISMATCH", "the data holds no samples", { path });
  const classes = labels === undefined ? undefined : readLabels(tensors, labels, samples, path);
  const sample = (i: number): Sample => {
    const feeds = columns.map((column) => [column.input.name, rowOf(column, i, fail)]);
    return { feeds: checkFeeds(Object.fromEntries(feeds), inputs, path), label: classes?.[i] };
  };
  // The first one is checked now, so that wrong data fails before a model has run.
  sample(0);
  return {
    samples,
    *[Symbol.iterator]() {
      for (let i = 0; i < samples; i++) yield sample(i);
    },
  };
}

function openColumn(
  tensors: ReadonlyMap<string, Tensor>,
  input: ValueInfo,
  name: string,
  fail: Fail,
): Column {
  const tensor = tensors.get(name);
  if (tensor === undefined) {
    if (tensors.size === 0) fail("the file holds no tensors", input.name);
    const held = `it holds ${[...tensors.keys()].join(", ")}`;
    return name === input.name
      ? fail(`the file lacks this input; ${held}; say which of these is meant`, input.name)
      : fail(`the file has no tensor ${name}; ${held}`, input.name);
  }
  const { shape } = tensor;
  // No sizes may also mean that the model does not tell the rank: the first counts samples there too.
  const isUnknown = input.shape.length === 0 && shape.length > 1;
  const extra = isUnknown ? 0 : shape.length - input.shape.length;
  if ((extra !== 0 && extra !== 1) || shape.length === 0)
    fail(`expected rank ${input.shape.length} but received [${shape.join(", ")}]`, input.name);
  return { input, tensor, rowShape: extra === 1 ? shape.slice(1) : [1, ...shape.slice(1)] };
}

function rowOf({ input, tensor: { dtype, data }, rowShape }: Column, index: number, fail: Fail): Tensor {
  const length = elementCount(rowShape);
  const row = { dtype, shape: rowShape, data: data.subarray(index * length, (index + 1) * length) };
  return fitValues(row, input.dtype, (message) => fail(message, input.name));
}
