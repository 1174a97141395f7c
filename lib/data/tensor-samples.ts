import { ModelFormatError } from "../errors.js";
import { readSafetensors } from "../safetensors/read.js";
import { elementCount, type Tensor } from "../tensor.js";
import type { Sample } from "./batches.js";
import { checkFeeds, mismatch } from "./check-feeds.js";
import type { ValueInfo } from "./value-info.js";

const INTEGERS = new Set(["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"]);

interface TensorSamples extends Iterable<Sample> {
  readonly samples: number;
}

/**
 * The samples of a safetensors file: one tensor per model input, the first size counting samples. A tensor of the
 * input's rank holds one row per sample; one of a rank more holds a whole input per sample, for inputs without a batch.
 */
export function openTensors(
  path: string,
  inputs: readonly ValueInfo[],
  labels: string | undefined,
): TensorSamples {
  const { tensors } = readSafetensors(path);
  const names = [...tensors.keys()].join(", ");
  const columns = inputs.map((input) => {
    const tensor = tensors.get(input.name);
    if (tensor === undefined)
      return mismatch(`the file lacks this input; it holds ${names}`, inputs, path, input.name);
    const extra = tensor.shape.length - input.shape.length;
    if ((extra !== 0 && extra !== 1) || tensor.shape.length === 0)
      mismatch(
        `expected rank ${input.shape.length} but received [${tensor.shape.join(", ")}]`,
        inputs,
        path,
        input.name,
      );
    return { input, tensor, rowShape: extra === 1 ? tensor.shape.slice(1) : [1, ...tensor.shape.slice(1)] };
  });
  const samples = columns[0]!.tensor.shape[0]!;
  for (const { input, tensor } of columns)
    if (tensor.shape[0] !== samples)
      mismatch(`${tensor.shape[0]} samples, but ${inputs[0]!.name} has ${samples}`, inputs, path, input.name);
  if (samples === 0) throw new ModelFormatError("DATA_MISMATCH", "the data holds no samples", { path });
  const classes = labels === undefined ? undefined : readLabels(tensors, labels, samples, path);
  const sample = (i: number): Sample => ({
    feeds: checkFeeds(
      Object.fromEntries(
        columns.map(({ input, tensor, rowShape }) => [input.name, row(tensor, rowShape, i)]),
      ),
      inputs,
      path,
    ),
    label: classes?.[i],
  });
  // The first one is checked now, so that wrong data fails before a model has run.
  sample(0);
  return {
    samples,
    *[Symbol.iterator]() {
      for (let i = 0; i < samples; i++) yield sample(i);
    },
  };
}

function row({ dtype, data }: Tensor, shape: readonly number[], index: number): Tensor {
  const length = elementCount(shape);
  return { dtype, shape, data: data.subarray(index * length, (index + 1) * length) };
}

function readLabels(
  tensors: ReadonlyMap<string, Tensor>,
  name: string,
  samples: number,
  path: string,
): number[] {
  const details = { path, field: name };
  const tensor = tensors.get(name);
  if (tensor === undefined)
    throw new ModelFormatError(
      "DATA_MISMATCH",
      `the file has no tensor of this name for labels; it holds ${[...tensors.keys()].join(", ")}`,
      details,
    );
  const { dtype, shape, data } = tensor;
  if (!INTEGERS.has(dtype) || data.length !== samples || shape[0] !== samples)
    throw new ModelFormatError(
      "DATA_MISMATCH",
      `labels must be ${samples} integers, one per sample, not ${dtype} [${shape.join(", ")}]`,
      details,
    );
  const labels = Array.from(data as ArrayLike<number | bigint>, Number);
  const wrong = labels.findIndex((label) => label < 0);
  if (wrong >= 0)
    throw new ModelFormatError(
      "DATA_MISMATCH",
      `label ${labels[wrong]} of sample ${wrong} is negative`,
      details,
    );
  return labels;
}
