import { describe, expect, test } from "vitest";
import { type ComputeQuantParamsOptions, computeQuantParams } from "../lib/index.js";

const f = Math.fround;

interface Case extends ComputeQuantParamsOptions {
  name: string;
  scale: number;
  zeroPoint: number;
}

const cases: Case[] = [
  { name: "the range spans the type", min: -1, max: 2, dtype: "uint8", scale: f(3 / 255), zeroPoint: 85 },
  { name: "int8 uses all 256 values", min: -1, max: 2, dtype: "int8", scale: f(3 / 255), zeroPoint: -43 },
  {
    name: "a positive range is widened to 0",
    min: 1,
    max: 2,
    dtype: "uint8",
    scale: f(2 / 255),
    zeroPoint: 0,
  },
  {
    name: "a negative range is widened to 0",
    min: -2,
    max: -1,
    dtype: "uint8",
    scale: f(2 / 255),
    zeroPoint: 255,
  },
  { name: "int16 has its range", min: -1, max: 2, dtype: "int16", scale: f(3 / 65535), zeroPoint: -10923 },
  { name: "uint16 has its range", min: -1, max: 2, dtype: "uint16", scale: f(3 / 65535), zeroPoint: 21845 },
  { name: "int4 has its range", min: -1, max: 2, dtype: "int4", scale: f(3 / 15), zeroPoint: -3 },
  { name: "uint4 has its range", min: -1, max: 2, dtype: "uint4", scale: f(3 / 15), zeroPoint: 5 },
  {
    name: "symmetric int8 leaves -128 out",
    ...{ min: -1, max: 2, dtype: "int8", symmetric: true, scale: f(4 / 254), zeroPoint: 0 },
  },
  {
    name: "symmetric int16 leaves -32768 out",
    ...{ min: -1, max: 2, dtype: "int16", symmetric: true, scale: f(4 / 65534), zeroPoint: 0 },
  },
  {
    name: "symmetric uint8 centres on 128",
    ...{ min: -1, max: 2, dtype: "uint8", symmetric: true, scale: f(4 / 255), zeroPoint: 128 },
  },
  {
    name: "symmetric uint16 centres on 32768",
    ...{ min: -1, max: 2, dtype: "uint16", symmetric: true, scale: f(4 / 65535), zeroPoint: 32768 },
  },
  {
    name: "symmetric int4 centres on 0, for half of an odd number rounds to even",
    ...{ min: -1, max: 2, dtype: "int4", symmetric: true, scale: f(4 / 15), zeroPoint: 0 },
  },
  {
    name: "symmetric uint4 centres on 8",
    ...{ min: -1, max: 2, dtype: "uint4", symmetric: true, scale: f(4 / 15), zeroPoint: 8 },
  },
  {
    name: "a reduced range gives up one bit",
    ...{ min: 0, max: 2, dtype: "uint8", reduceRange: true, scale: f(2 / 127), zeroPoint: 0 },
  },
  {
    name: "a reduced range wins over a symmetric one",
    ...{
      min: -1,
      max: 2,
      dtype: "int8",
      symmetric: true,
      reduceRange: true,
      scale: f(4 / 128),
      zeroPoint: 0,
    },
  },
  {
    name: "reduced and symmetric uint8 centres on 64",
    ...{
      min: -1,
      max: 2,
      dtype: "uint8",
      symmetric: true,
      reduceRange: true,
      scale: f(4 / 127),
      zeroPoint: 64,
    },
  },
  { name: "an empty range gives scale 1", min: 0, max: 0, dtype: "uint8", scale: 1, zeroPoint: 0 },
  { name: "a range too narrow gives scale 1", min: 0, max: 2e-36, dtype: "uint8", scale: 1, zeroPoint: 0 },
  {
    name: "the narrowest normal scale stays",
    ...{ min: 0, max: 255 * 2 ** -126, dtype: "uint8", scale: 2 ** -126, zeroPoint: 0 },
  },
  {
    name: "too narrow and symmetric gives zero point 0, also for uint8",
    ...{ min: -1e-40, max: 0, dtype: "uint8", symmetric: true, scale: 1, zeroPoint: 0 },
  },
  {
    name: "the distance is taken in float32",
    ...{ min: -1, max: 2 ** 24, dtype: "uint8", scale: f(f(2 ** 24 + 1) / 255), zeroPoint: 0 },
  },
];

describe("computeQuantParams", () => {
  test.each(cases)("$name", ({ name: _, scale, zeroPoint, ...options }) => {
    expect(computeQuantParams(options)).toEqual({ scale, zeroPoint });
  });

  test.each<[string, unknown, string]>([
    [
      "an unknown dtype",
      { min: 0, max: 1, dtype: "float32" },
      "one of int8, uint8, int16, uint16, int4, uint4",
    ],
    ["NaN", { min: NaN, max: 1, dtype: "int8" }, "Expected a finite float32 for min but received NaN"],
    [
      "an infinity",
      { min: 0, max: Infinity, dtype: "int8" },
      "a finite float32 for max but received Infinity",
    ],
    ["more than float32 holds", { min: 0, max: 1e39, dtype: "int8" }, "a finite float32 for max"],
    ["a distance that overflows", { min: -3e38, max: 3e38, dtype: "int8" }, "that float32 can hold for max"],
    ["min above max", { min: 2, max: 1, dtype: "int8" }, "at most max (1) for min but received 2"],
    ["a text", { min: "0", max: 1, dtype: "int8" }, 'Expected a number for min but received "0"'],
  ])("refuses %s", (_, options, message) => {
    expect(() => computeQuantParams(options as ComputeQuantParamsOptions)).toThrow(message);
  });
});
