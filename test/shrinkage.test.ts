import { expect, it } from "vitest";
import { roundLayer } from "../lib/compress/repair/round-layer.js";
import { shrinkage } from "../lib/compress/repair/shrinkage.js";
import { dequantizeLinear, minMax, quantizeLinear } from "../lib/index.js";
import { accumulateGram } from "../lib/linalg/accumulate-gram.js";
import { randomTensor } from "./support/quantize-built.js";

const COLUMNS = 64;
const OUTPUTS = 32;

/** Rows of independent inputs. */
const independent = (rows: number, seed: number) => randomTensor([rows, COLUMNS], seed).data as Float32Array;

function products(values: Float32Array) {
  const gram = new Float64Array(COLUMNS ** 2);
  accumulateGram(values, gram);
  return { gram, rows: values.length / COLUMNS };
}

/** Of the outputs over inputs that nothing was fitted to: their error when rounded with `seen`, over that of rounding to nearest. */
function errorRatio(seen: Float32Array): number {
  const weights = randomTensor([OUTPUTS, COLUMNS], 11, 0.3).data as Float32Array;
  const { min, max } = minMax(weights, { shape: [OUTPUTS, COLUMNS], axis: 0 });
  const scales = max.map((value, i) => Math.max(value, -min[i]!) / 7);
  const params = { scale: scales, shape: [OUTPUTS, COLUMNS], axis: 0 };
  const grid = { scales, zeroPoints: new Int32Array(OUTPUTS), min: -7, max: 7 };
  const fitted = dequantizeLinear(roundLayer(weights, COLUMNS, products(seen), grid), params);
  const limited = quantizeLinear(weights, { ...params, dtype: "int8" });
  const nearest = dequantizeLinear(limited, params);
  const inputs = independent(500, 999);
  const error = (rounded: Float32Array) => {
    let sum = 0;
    for (let row = 0; row < 500; row++)
      for (let out = 0; out < OUTPUTS; out++) {
        let difference = 0;
        for (let c = 0; c < COLUMNS; c++)
          difference +=
            (rounded[out * COLUMNS + c]! - weights[out * COLUMNS + c]!) * inputs[row * COLUMNS + c]!;
        sum += difference ** 2;
      }
    return sum;
  };
  return error(fitted) / error(nearest);
}

it("rounds to nearest where few rows tell nothing of how inputs correlate", () => {
  for (const rows of [1, 4, 16, 48]) expect(errorRatio(independent(rows, rows))).toBeCloseTo(1, 2);
});

it("uses few rows whose inputs do correlate", () => {
  // The second half of the columns repeats the first.
  const inputs = independent(400, 5).map((_, i, all) => all[i % COLUMNS < 32 ? i : i - 32]!);
  const { gram, rows } = products(inputs.subarray(0, 48 * COLUMNS));
  const mean = gram.reduce((sum, value, i) => sum + (i % (COLUMNS + 1) === 0 ? value : 0), 0) / COLUMNS;
  expect(shrinkage(gram, COLUMNS, rows)).toBeLessThan(3 * mean);
  const all = products(inputs);
  const meanOfAll =
    all.gram.reduce((sum, value, i) => sum + (i % (COLUMNS + 1) === 0 ? value : 0), 0) / COLUMNS;
  expect(shrinkage(all.gram, COLUMNS, all.rows) / meanOfAll).toBeLessThan(0.3);
});

it("adds a hundredth of the mean of the diagonal where there are rows enough", () => {
  const gram = Float64Array.of(4, 3, 0, 2);
  expect(shrinkage(gram, 2, 1e6)).toBe(0.03);
  // trace 6, squares 4 + 4 + 2 * 9 = 38: (0 * 38 + 36) / (10 * (38 - 18)) = 0.18 of the mean, to 0.82 of the products
  expect(shrinkage(gram, 2, 10)).toBeCloseTo((0.18 / 0.82) * 3, 12);
});
