import { describe, expect, it, test } from "vitest";
import { createObserver, type ObserverOptions } from "../lib/calibrate/observer.js";
import { OBSERVER_METHODS } from "../lib/calibrate/observer-methods.js";
import { QuantizationNoise } from "../lib/calibrate/quantization-noise.js";
import { StreamingHistogram } from "../lib/calibrate/streaming-histogram.js";
import {
  computeQuantParams,
  dequantizeLinear,
  quantizeLinear,
  quantizeModel,
  summarize,
} from "../lib/index.js";
import { buildModel, floats, modelFile } from "./support/build-model.js";
import { randomTensor } from "./support/quantize-built.js";
import { randomIntegers } from "./support/random.js";

/** Sums of twelve uniform values: close to a normal distribution of standard deviation `scale`. */
function normal(length: number, seed: number, scale = 1): Float32Array {
  const next = randomIntegers(seed);
  return Float32Array.from({ length }, () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += next() / 2 ** 32;
    return sum * scale;
  });
}

function histogramOf(batches: Float32Array[]): StreamingHistogram {
  const histogram = new StreamingHistogram();
  for (const batch of batches) histogram.add(batch, summarize(batch));
  return histogram;
}

describe("the streaming histogram", () => {
  const values = Float32Array.of(...normal(3000, 1), ...normal(3000, 2, 40), 0, 0, -0, 1e-20, 700, -3);

  it("counts as counting each bin by hand does", () => {
    const histogram = histogramOf([values]);
    const { width } = histogram;
    expect(Number.isInteger(Math.log2(width))).toBe(true);
    const expected = new Map<number, number>();
    for (const value of values) {
      const centre = value === 0 ? 0 : (Math.floor(value / width) + 0.5) * width;
      expected.set(centre, (expected.get(centre) ?? 0) + 1);
    }
    const bins = histogram.bins();
    expect(new Map(bins.map(({ centre, count }) => [centre, count]))).toEqual(expected);
    expect(bins.map(({ centre }) => centre)).toEqual([...expected.keys()].sort((a, b) => a - b));
  });

  it("has the same bins whichever batch comes first", () => {
    const batches = [
      Float32Array.of(0.9, 0.99),
      Float32Array.of(1, 1.1),
      new Float32Array(3),
      Float32Array.of(-5),
    ];
    expect(histogramOf(batches).bins()).toEqual(histogramOf(batches.toReversed()).bins());
  });

  it("does not depend on how values come in batches, or in what order", () => {
    const whole = histogramOf([values]).bins();
    const parts = [0, 1, 2, 3].map((i) => values.filter((_, at) => at % 4 === i));
    expect(histogramOf(parts).bins()).toEqual(whole);
    expect(histogramOf(parts.toReversed()).bins()).toEqual(whole);
    expect(
      histogramOf([new Float32Array(5), values.toSorted(), Float32Array.of()].filter((a) => a.length > 0))
        .bins()
        .reduce((n, { count }) => n + count, 0),
    ).toBe(values.length + 5);
  });

  it("counts zeros alone as zeros", () => {
    expect(histogramOf([new Float32Array(7)]).bins()).toEqual([{ centre: 0, count: 7 }]);
  });
});

describe("the range that is kept", () => {
  const withOutlier = (values: Float32Array, largest: number): Float32Array => values.fill(largest, -1);
  const outlier = withOutlier(normal(20_001, 3), 60);
  const observe = (method: ObserverOptions["method"], values: Float32Array, percentile?: number) => {
    const observer = createObserver({ method, percentile });
    observer.observe(values);
    return observer.result();
  };

  it("minmax holds everything", () => {
    const { min, max, count } = observe("minmax", outlier);
    expect([min, max, count]).toEqual([Math.min(...outlier), 60, 20_001]);
  });

  it("percentile leaves out what is rarer than asked", () => {
    const { max } = observe("percentile", withOutlier(normal(400_001, 4), 60));
    expect(max).toBeGreaterThan(3.5);
    expect(max).toBeLessThan(7);
  });

  it("mse has a smaller real error than the whole range, and says so in decibels", () => {
    const real = ({ min, max }: { min: number; max: number }, values: Float32Array) => {
      const scale = (max - min) / 255;
      const zeroPoint = Math.round(-min / scale);
      const q = quantizeLinear(values, { scale, zeroPoint, dtype: "uint8" });
      let [signal, noise] = [0, 0];
      values.forEach((value, i) => {
        signal += value * value;
        noise += (value - (q[i]! - zeroPoint) * scale) ** 2;
      });
      return 10 * Math.log10(signal / noise);
    };
    // One value that costs more in steps than it is worth.
    const values = withOutlier(normal(400_000, 5), 16);
    const [whole, chosen] = [observe("minmax", values), observe("mse", values)];
    expect(chosen.max).toBeLessThan(12);
    expect(real(chosen, values)).toBeGreaterThan(real(whole, values) + 1);
    // Decibels are of all but the largest hundredth of the values, which hold a little of the signal.
    for (const range of [whole, chosen]) {
      expect(range.sqnrDb).toBeLessThan(real(range, values) + 0.3);
      expect(range.sqnrDb).toBeGreaterThan(real(range, values) - 1);
    }
  });

  it("mse keeps a range that is full to its ends", () => {
    const uniform = randomTensor([10_000], 6).data as Float32Array;
    const { min, max } = observe("mse", uniform);
    expect(min).toBeLessThan(-0.94);
    expect(max).toBeGreaterThan(0.94);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("%d is refused", (value) => {
    for (const method of OBSERVER_METHODS)
      expect(() => observe(method, Float32Array.of(1, value))).toThrow(RangeError);
  });

  it("zero costs nothing, for every range holds it exactly", () => {
    expect(new QuantizationNoise([{ centre: 0, count: 1000 }]).over(0, 100)).toBe(0);
  });

  it("noise is what adding it up value by value gives", () => {
    const bins = [-9, -4, -0.5, 0, 1, 2, 30].map((centre, i) => ({ centre, count: i + 1 }));
    const byHand = (low: number, high: number) =>
      bins
        .filter(({ centre }) => centre !== 0)
        .reduce((sum, { centre, count }) => {
          const cut = Math.max(centre - high, low - centre, 0);
          return sum + count * (cut > 0 ? cut * cut : ((high - low) / 255) ** 2 / 12);
        }, 0);
    const noise = new QuantizationNoise(bins);
    for (const [low, high] of [
      [-9, 30],
      [-5, 2],
      [-4, 1.5],
      [0, 100],
      [-1, 0],
    ] as const)
      expect(noise.over(low, high)).toBeCloseTo(byHand(low, high), 9);
    expect(noise.over(1, 2)).toBe(noise.over(0, 2));
  });

  describe("of long tails", () => {
    const shares = Array.from({ length: 20_000 }, (_, i) => ((i * 7919) % 10_007) / 10_007);
    const twoTails = Float32Array.from(shares, (u) => (2 * u - 1) / (1.02 - (2 * u - 1) ** 2));
    const oneTail = Float32Array.from(shares, (u) => (u < 0.4 ? 0 : (u - 0.4) / (1.001 - u)));

    // onnxruntime 1.30's HistogramCollector("percentile", symmetric=False, num_bins=2048) on the same values.
    test.each([
      [99.9, twoTails, -46.289062, 45.410156],
      [99, twoTails, -25.097656, 24.804688],
      [99.9, oneTail, 0, 399.46173],
      [99, oneTail, 0, 99.06653],
    ])(
      "percentile %d is onnxruntime's, to the width of one of its bins and one of ours",
      (percentile, values, min, max) => {
        const range = observe("percentile", values, percentile);
        const width =
          values.reduce((reach, value) => Math.max(reach, Math.abs(value)), 0) * (1 / 1024 + 1 / 2048);
        expect(Math.abs(range.min - min)).toBeLessThanOrEqual(width);
        expect(Math.abs(range.max - max)).toBeLessThanOrEqual(width);
      },
    );

    // The definition written down once more in numpy 2.4.6.
    test.each([
      ["two tails", twoTails, -48.0625, 48.0625],
      ["one tail", oneTail, 0, 500.75],
    ])("entropy of %s", (_, values, min, max) => {
      expect(observe("entropy", values)).toMatchObject({ min, max });
    });

    // The least error that numpy 2.4.6 found among 100 shares of each end, quantizing every value.
    test.each([
      ["two tails", twoTails, 244.790095],
      ["one tail", oneTail, 3904.5284],
    ])("mse of %s", (_, values, least) => {
      const { min, max } = observe("mse", values);
      const { scale, zeroPoint } = computeQuantParams({ min, max, dtype: "uint8" });
      const quantized = quantizeLinear(values, { scale, zeroPoint, dtype: "uint8" });
      const back = dequantizeLinear(quantized, { scale, zeroPoint });
      const error = values.reduce((sum, value, i) => sum + (value - back[i]!) ** 2, 0);
      expect(error).toBeLessThan(1.02 * least);
    });

    it("entropy passes over ranges that would move values far, though many have one value", () => {
      const spiky = Float32Array.from(shares, (u, i) => (i % 2 === 0 ? 0.5 : 6 * u));
      const [whole, chosen] = [observe("minmax", spiky), observe("entropy", spiky)];
      expect(chosen.sqnrDb).toBeGreaterThan(whole.sqnrDb - 3.1);
    });
  });

  it("moving-average is the mean of the samples' ends, however they come in batches", () => {
    const samples = [
      [-1, 4],
      [-3, 2],
      [-2, 12],
      [0, 1],
    ];
    for (const sizes of [[4], [1, 3], [1, 1, 1, 1]]) {
      const observer = createObserver({ method: "moving-average" });
      let at = 0;
      for (const size of sizes) {
        observer.observe(Float32Array.from(samples.slice(at, at + size).flat()), size);
        at += size;
      }
      expect(observer.result()).toMatchObject({ min: -1.5, max: 4.75, count: 8 });
    }
  });
});

it("a node whose input 8 bits would ruin stays in float, with its weight in int8, and says why", async () => {
  const weights = randomTensor([64, 64], 7).data as Float32Array;
  const model = buildModel({
    nodes: [
      { op: "MatMul", name: "wild", in: ["x", "w"], out: ["h"] },
      { op: "Tanh", in: ["h"], out: ["t"] },
      { op: "MatMul", name: "tame", in: ["t", "v"], out: ["y"] },
    ],
    initializers: [floats("w", [64, 64], weights), floats("v", [64, 64], weights)],
    inputs: { x: ["n", 64] },
    outputs: ["y"],
  });
  // One channel a hundred times as large as the others, which are most of the signal.
  const data = Array.from({ length: 8 }, (_, seed) => {
    const x = randomTensor([1, 64], seed + 10);
    x.data[0] = seed === 0 ? 300 : 1;
    return { feeds: { x } };
  });
  const { nodes } = await quantizeModel(modelFile(model), { data, calibrate: "minmax" });
  const treatment = (name: string) => nodes.find((node) => node.name === name)!;
  expect(treatment("tame").treatment).toBe("int8");
  expect(treatment("wild").treatment).toBe("weights int8");
  expect(treatment("wild").reason).toMatch(
    /8 bits would keep only \d+\.\d dB of the ordinary values of its input x$/,
  );
  const all = await quantizeModel(modelFile(model), { data, calibrate: "minmax", keepFloat: false });
  expect(all.nodes.find(({ name }) => name === "wild")!.treatment).toBe("int8");
});
