/** Where a filter of a convolution stands, one number per spatial axis. */
export interface Patches {
  readonly groups: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Zeros before the first value of each axis, and after the last. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** How the input of a layer is read as rows that its weight multiplies: the weight of group g times row gives outputs. */
export interface LayerInput {
  readonly tensor: string;
  /** Values of one row, in one group. */
  readonly columns: number;
  /** Absent where the rows are the input's own last axis. */
  readonly patches?: Patches;
  /** What the input is rounded to before the layer reads it; absent where it stays in float. */
  readonly rounding?: {
    readonly dtype: "int8" | "uint8" | "int16" | "uint16";
    readonly scale: number;
    readonly zeroPoint: number;
  };
}

/** Rows taken of one sample at most: neighbouring patches of an image say nearly the same. */
const ROWS_PER_SAMPLE = 64;
/** Spreads the rows that are taken unevenly, so that they do not all lie in one column of the image. */
const GOLDEN = 0.6180339887498949;

/** Rows of a layer's input, one after the other, for each group. The same rows for the same shape. */
export function layerRows(
  values: Float32Array,
  shape: readonly number[],
  { columns, patches }: LayerInput,
): Float32Array[] {
  if (patches) return patchRows(values, shape, patches);
  const positions = chosen(values.length / columns, shape[0] ?? 1);
  const rows = new Float32Array(positions.length * columns);
  for (const [i, at] of positions.entries())
    rows.set(values.subarray(at * columns, (at + 1) * columns), i * columns);
  return [rows];
}

function chosen(total: number, samples: number): number[] {
  const count = Math.min(total, samples * ROWS_PER_SAMPLE);
  if (count === total) return Array.from({ length: total }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.floor(((i + ((i * GOLDEN) % 1)) * total) / count));
}

function patchRows(values: Float32Array, shape: readonly number[], patches: Patches): Float32Array[] {
  const { groups, kernel, strides, dilations, before, after } = patches;
  const [samples = 0, channels = 0, ...space] = shape;
  const plane = space.reduce((a, b) => a * b, 1);
  const size = kernel.reduce((a, b) => a * b, 1);
  const made = space.map(
    (length, d) =>
      Math.floor((length + before[d]! + after[d]! - dilations[d]! * (kernel[d]! - 1) - 1) / strides[d]!) + 1,
  );
  const perSample = made.reduce((a, b) => a * b, 1);
  const positions = chosen(samples * perSample, samples);
  const inGroup = channels / groups;
  const rows = Array.from({ length: groups }, () => new Float32Array(positions.length * inGroup * size));
  const offsets = new Int32Array(size);
  for (const [row, position] of positions.entries()) {
    const sample = Math.floor(position / perSample);
    const corner = coordinates(position % perSample, made).map((at, d) => at * strides[d]! - before[d]!);
    for (let k = 0; k < size; k++) {
      const steps = coordinates(k, kernel);
      let offset = 0;
      for (const [d, length] of space.entries()) {
        const at = corner[d]! + steps[d]! * dilations[d]!;
        offset = offset < 0 || at < 0 || at >= length ? -1 : offset * length + at;
      }
      offsets[k] = offset;
    }
    for (let channel = 0; channel < channels; channel++) {
      const out = rows[Math.floor(channel / inGroup)]!;
      const to = (row * inGroup + (channel % inGroup)) * size;
      const from = (sample * channels + channel) * plane;
      for (let k = 0; k < size; k++) out[to + k] = offsets[k]! < 0 ? 0 : values[from + offsets[k]!]!;
    }
  }
  return rows;
}

function coordinates(index: number, sizes: readonly number[]): number[] {
  const result = new Array<number>(sizes.length);
  let rest = index;
  for (let d = sizes.length - 1; d >= 0; d--) {
    result[d] = rest % sizes[d]!;
    rest = Math.floor(rest / sizes[d]!);
  }
  return result;
}
