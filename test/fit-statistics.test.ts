import { describe, expect, it } from "vitest";
import { FitObserver, type FittedLayer } from "../lib/calibrate/fit-statistics.js";

/** Two groups of a pointwise convolution: a column and an output each. */
const one = { kernel: [1], strides: [1], dilations: [1], before: [0], after: [0] };
const layer: FittedLayer = {
  input: { tensor: "x", columns: 1, patches: { groups: 2, ...one } },
  target: { tensor: "y", columns: 1, patches: { groups: 2, ...one } },
  products: true,
};

describe("the statistics that a layer is fitted by", () => {
  it("are sums over the same places of input and target, group after group, over all runs", () => {
    const observer = new FitObserver(layer);
    const shape = [1, 2, 2];
    observer.observe(
      { values: Float32Array.of(1, 2, 3, 4), shape },
      { values: Float32Array.of(10, 20, 30, 40), shape },
    );
    observer.observe(
      { values: Float32Array.of(0, 0, 1, 1), shape },
      { values: Float32Array.of(1, 2, 3, 4), shape },
    );
    expect(observer.result()).toEqual({
      rows: 4,
      mean: Float64Array.of(3 / 4, 9 / 4),
      square: Float64Array.of(5 / 4, 27 / 4),
      targetMean: Float64Array.of(33 / 4, 77 / 4),
      targetSquare: Float64Array.of(505 / 4, 2525 / 4),
      gram: Float64Array.of(5, 27),
      products: Float64Array.of(10 + 40, 90 + 160 + 3 + 4),
    });
  });

  it("have no products where none are asked for, and are empty where nothing was seen", () => {
    const observer = new FitObserver({ ...layer, products: false });
    expect(observer.result()).toMatchObject({ rows: 0, mean: new Float64Array(0) });
    const part = { values: Float32Array.of(1, 2), shape: [1, 2, 1] };
    observer.observe(part, part);
    expect(observer.result()).toMatchObject({
      rows: 1,
      gram: new Float64Array(0),
      products: new Float64Array(0),
    });
  });

  it("refuses a target that has other places than the input", () => {
    const observer = new FitObserver({
      input: { tensor: "x", columns: 2 },
      target: { tensor: "y", columns: 1 },
      products: true,
    });
    const input = { values: new Float32Array(4), shape: [2, 2] };
    expect(() => observer.observe(input, { values: new Float32Array(3), shape: [3, 1] })).toThrow(
      /2 rows of inputs for 3/,
    );
  });
});
