import { type CallOptions, runCall } from "../call.js";
import { outOfRange } from "../errors.js";

/**
 * Adds to `products`, outputs x columns, the products of every column of `y` with every one of `x` summed over their rows
 * (Y^T X), in float64: a product of two float32 values is exact there, and the sums are taken row after row, so that
 * every backend gives the same bits. A NaN is the quiet one.
 *
 * @param columns how many x has
 * @throws RangeError if products, x and y do not hold whole rows, or x and y not the same number of them.
 */
export function accumulateProducts(
  x: Float32Array,
  y: Float32Array,
  products: Float64Array,
  columns: number,
  options: CallOptions = {},
): Float64Array {
  const outputs = products.length / columns;
  if (!(Number.isInteger(columns) && columns > 0 && Number.isInteger(outputs) && outputs > 0))
    throw outOfRange(`a multiple of ${columns} columns`, "products.length", products.length);
  const rows = x.length / columns;
  if (!Number.isInteger(rows)) throw outOfRange(`a multiple of ${columns} columns`, "x.length", x.length);
  if (y.length !== rows * outputs)
    throw outOfRange(`${rows} rows of ${outputs} values`, "y.length", y.length);
  return runCall(
    {
      elements: x.length * outputs,
      arrays: [x, y, products],
      run: (operations, ...execution) => operations.accumulateProducts(x, y, products, columns, ...execution),
      result: () => products,
    },
    options,
  );
}
