import { ModelFormatError } from "../errors.js";
import { type DType, elementCount, type Tensor, type TypedArray } from "../tensor.js";
import { fixedBatch } from "./batches.js";
import { describeValue, type ValueInfo } from "./value-info.js";

/** What a sample may give for one input: a tensor, one as onnxruntime spells it, or bare numbers whose shape the model tells. */
export type FeedLike =
  | TypedArray
  | {
      readonly data: TypedArray;
      readonly shape?: readonly number[];
      readonly dims?: readonly number[];
      readonly dtype?: string;
      readonly type?: string;
    };

/** The types whose values lie in an array of each kind; the first is taken where a bare array is given. */
const DTYPES_BY_ARRAY: Record<string, readonly DType[]> = {
  Float32Array: ["float32"],
  Float64Array: ["float64"],
  Int8Array: ["int8"],
  Uint8Array: ["uint8", "bool", "int4", "uint4"],
  Int16Array: ["int16"],
  Uint16Array: ["uint16", "float16", "bfloat16"],
  Int32Array: ["int32"],
  Uint32Array: ["uint32"],
  BigInt64Array: ["int64"],
  BigUint64Array: ["uint64"],
};

/** Throws DATA_MISMATCH with the model's inputs listed, so that the message alone tells how to mend the data. */
export function mismatch(
  message: string,
  inputs: readonly ValueInfo[],
  path: string | undefined,
  field?: string,
): never {
  const wanted = inputs.map(describeValue).join("; ");
  throw new ModelFormatError("DATA_MISMATCH", `${message} (the model's inputs: ${wanted})`, { path, field });
}

/** Checks one sample against the model and returns its feeds as tensors, on the same bytes. */
export function checkFeeds(
  feeds: Readonly<Record<string, FeedLike>>,
  inputs: readonly ValueInfo[],
  path: string | undefined,
): Record<string, Tensor> {
  if (typeof feeds !== "object" || feeds === null)
    mismatch("a sample must be { feeds: { <input>: tensor } }", inputs, path);
  const unknown = Object.keys(feeds).find((name) => !inputs.some((input) => input.name === name));
  if (unknown !== undefined) mismatch("the model has no such input", inputs, path, unknown);
  return Object.fromEntries(
    inputs.map((input) => [input.name, checkFeed(feeds[input.name], input, inputs, path)]),
  );
}

function checkFeed(
  feed: FeedLike | undefined,
  input: ValueInfo,
  inputs: readonly ValueInfo[],
  path: string | undefined,
): Tensor {
  const fail = (message: string) => mismatch(message, inputs, path, input.name);
  if (feed === undefined) return fail("the sample lacks this input");
  const bare = ArrayBuffer.isView(feed);
  const data = bare ? feed : feed.data;
  const dtypes = DTYPES_BY_ARRAY[data?.constructor?.name];
  if (dtypes === undefined) return fail("expected a tensor or a typed array");
  const given = bare ? undefined : (feed.dtype ?? feed.type);
  if (given !== undefined ? given !== input.dtype : !dtypes.includes(input.dtype))
    return fail(`expected ${input.dtype} but received ${given ?? dtypes[0]}`);
  if (!dtypes.includes(input.dtype))
    return fail(`expected ${input.dtype} but its data is a ${data.constructor.name}`);
  const shape = bare ? undefined : (feed.shape ?? feed.dims);
  const tensor = { dtype: input.dtype, shape: shape ?? inferShape(data.length, input, fail), data };
  checkShape(tensor, input, fixedBatch(inputs) !== undefined, fail);
  if (elementCount(tensor.shape) !== data.length)
    return fail(`a shape of [${tensor.shape.join(", ")}] does not go with ${data.length} values`);
  return tensor;
}

/** The shape the model asks for, with the one dimension that it leaves open found from the number of values. */
function inferShape(length: number, input: ValueInfo, fail: (message: string) => never): number[] {
  const open = input.shape.filter((size) => typeof size === "string").length;
  const fixed = elementCount(input.shape.filter((size) => typeof size === "number"));
  if (open > 1 && length !== fixed) fail("the model leaves several sizes open; give { data, shape }");
  return input.shape.map((size) => (typeof size === "number" ? size : open > 1 ? 1 : length / fixed));
}

/**
 * Checks rank and fixed sizes; the first size may also be 1 where samples are put together in groups. No sizes may also mean that
 * the model does not tell the rank, since onnxruntime has one word for both.
 */
function checkShape(
  tensor: Tensor,
  input: ValueInfo,
  grouped: boolean,
  fail: (message: string) => never,
): void {
  const { shape } = tensor;
  const received = `[${shape.join(", ")}]`;
  if (shape.length !== input.shape.length && input.shape.length > 0)
    fail(`expected rank ${input.shape.length} but received ${received}`);
  shape.forEach((size, i) => {
    const wanted = input.shape[i];
    if (!Number.isSafeInteger(size) || size < 0) fail(`expected whole sizes but received ${received}`);
    if (typeof wanted === "number" && size !== wanted && !(grouped && i === 0 && size === 1))
      fail(`expected ${wanted} in dimension ${i} but received ${received}`);
  });
}
