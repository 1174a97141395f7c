import { elementCount } from "../tensor.js";
import { layoutOf, type ParameterEntry, parameterEntries, type WeightLayout, wordCount } from "./layout.js";
import type { QuantizedFormat } from "./scheme.js";

/** What the tensors of a quantized weight say of it. */
export interface WeightForm {
  readonly layout: WeightLayout;
  readonly symmetric: boolean;
  /** The type of the scales, which is that of the floats. */
  readonly dtype: "float32" | "float16" | "bfloat16";
}

const SCALE_TYPES: ReadonlySet<string> = new Set(["float32", "float16", "bfloat16"]);

/**
 * Works out how a weight was quantized from the types and shapes of its tensors, and checks that they fit each other.
 *
 * @param size the values of weight_shape, where the values are packed
 * @param invalid what to throw
 */
export function formOf(
  format: QuantizedFormat,
  entries: ReadonlyMap<string, ParameterEntry>,
  size: readonly number[] | undefined,
  invalid: (message: string) => Error,
): WeightForm {
  if (entries.has("weight_g_idx"))
    throw invalid("its columns are in groups of their own order (weight_g_idx), which is not supported");
  const values = entries.get(format === "pack-quantized" ? "weight_packed" : "weight")!;
  const shape = size ?? values.shape;
  const [rows, cols] = shape;
  if (shape.length !== 2 || !shape.every((each) => Number.isSafeInteger(each) && each > 0))
    throw invalid(`a weight of shape [${shape.join(", ")}] is not supported; it must be a matrix`);
  const bits = format === "pack-quantized" ? packedBits(values, rows!, cols!) : 8;
  if (bits === undefined)
    throw invalid(
      `[${values.shape.join(", ")}] int32 do not hold a matrix of [${shape.join(", ")}] with 4 or 8 bits for each value`,
    );
  const scale = entries.get("weight_scale")!;
  const groups = scaleGroups(scale.shape, rows!, cols!);
  if (groups === undefined || !SCALE_TYPES.has(scale.dtype))
    throw invalid(
      `${scale.dtype} scales of shape [${scale.shape.join(", ")}] do not fit a matrix of [${shape.join(", ")}]`,
    );
  const strategy = groups === 0 ? "tensor" : groups === 1 ? "channel" : "group";
  const groupSize = strategy === "group" ? cols! / groups : undefined;
  const layout = layoutOf([rows!, cols!], { format, bits, strategy, groupSize });
  const dtype = scale.dtype as WeightForm["dtype"];
  const zeroPoint = entries.get("weight_zero_point");
  const symmetric = zeroPoint === undefined;
  const expected = new Map(parameterEntries(layout, { symmetric, scaleDType: dtype })).get(
    "weight_zero_point",
  );
  if (zeroPoint && !isLike(zeroPoint, expected!))
    throw invalid(
      `${zeroPoint.dtype} zero points of shape [${zeroPoint.shape.join(", ")}] do not fit; they should be ${expected!.dtype} [${expected!.shape.join(", ")}]`,
    );
  return { layout, symmetric, dtype };
}

function packedBits({ dtype, shape }: ParameterEntry, rows: number, cols: number): 4 | 8 | undefined {
  if (dtype !== "int32" || shape.length !== 2 || shape[0] !== rows) return undefined;
  return ([4, 8] as const).find((bits) => wordCount(cols, bits) === shape[1]);
}

/** Scales of a row, 0 for one of the whole matrix; undefined where they do not fit. */
function scaleGroups(shape: readonly number[], rows: number, cols: number): number | undefined {
  const [first = 1, groups = 1] = shape;
  if (shape.length > 2) return undefined;
  if (shape.length < 2 && first === 1) return 0;
  if (first === rows) return cols % groups === 0 ? groups : undefined;
  return elementCount(shape) === 1 ? 0 : undefined;
}

/** A single value has no shape that matters. */
function isLike(actual: ParameterEntry, expected: ParameterEntry): boolean {
  const count = elementCount(expected.shape);
  return (
    actual.dtype === expected.dtype &&
    (actual.shape.join() === expected.shape.join() || (count === 1 && elementCount(actual.shape) === 1))
  );
}
