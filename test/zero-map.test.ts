import { describe, expect, it, test } from "vitest";
import { outputAxis, zeroMap } from "../lib/optimize/zero-map.js";
import { buildGraph } from "./support/build-model.js";

describe("outputAxis", () => {
  test.each([
    ["Conv", 4, {}, 0],
    ["ConvTranspose", 4, {}, 1],
    ["MatMul", 2, {}, 1],
    ["MatMul", 3, {}, 2],
    ["Gemm", 2, {}, 1],
    ["Gemm", 2, { transB: 1 }, 0],
    ["LSTM", 3, {}, 1],
  ])("%s of rank %i with %o: %i", (opType, rank, attributes, axis) => {
    const { node } = buildGraph({ nodes: [{ op: opType, in: ["x", "w"], out: ["y"], attributes }] });
    expect(outputAxis(node[0]!, "w", rank)).toBe(axis);
  });
});

describe("zeroMap", () => {
  const data = Float32Array.of(0, 0, 1, 1, -0, 1, 1, 1);

  it("has a row for each channel and a column for each other index where they are few", () => {
    expect(zeroMap({ data, shape: [2, 4] }, 0)).toEqual({
      rows: 2,
      cols: 4,
      shares: [1, 1, 0, 0, 1, 0, 0, 0],
    });
    expect(zeroMap({ data, shape: [2, 4] }, 1)).toEqual({
      rows: 4,
      cols: 2,
      shares: [1, 1, 1, 0, 0, 0, 0, 0],
    });
  });

  it("puts channels and columns together where they are many, and loses no value", () => {
    const [channels, others] = [40, 100];
    const weight = new Int8Array(channels * others).fill(1);
    weight.fill(0, 0, 10 * others);
    const { rows, cols, shares } = zeroMap({ data: weight, shape: [channels, 10, 10] }, 0);
    expect([rows, cols]).toEqual([16, 16]);
    expect(shares.slice(0, 4 * cols)).toEqual(new Array(4 * cols).fill(1));
    expect(shares.slice(4 * cols)).toEqual(new Array(12 * cols).fill(0));
  });
});
