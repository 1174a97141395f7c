import { describe, expect, it } from "vitest";
import { type QuantizeOptions, settingsFrom } from "../lib/compress/options.js";
import { WeightStore } from "../lib/compress/weight-store.js";
import { Graph } from "../lib/graph/graph.js";
import { openModel } from "../lib/onnx/read.js";
import { dequantizeLinear } from "../lib/quantize/dequantize-linear.js";
import { buildModel, floats } from "./support/build-model.js";
import { randomTensor } from "./support/quantize-built.js";

/** So many that finer steps for them outweigh one value that is cut. */
const COLUMNS = 20_000;
/** Three rows: ordinary values; one value eight times as large as the others; nothing but zeros. */
const values = randomTensor([3 * COLUMNS], 5).data as Float32Array;
values[COLUMNS + 7] = 8;
values.fill(0, 2 * COLUMNS);

function store(options: QuantizeOptions) {
  const model = buildModel({
    nodes: [{ op: "Identity", in: ["w"], out: ["y"] }],
    initializers: [floats("w", [3, COLUMNS], values)],
    outputs: ["y"],
  });
  const graph = new Graph(openModel(model));
  const settings = settingsFrom({ target: "cpu-vnni", weights: "int8", ...options });
  return { graph, store: new WeightStore(graph, settings, new Set()) };
}

function errors(options: QuantizeOptions, axis: 0 | undefined): number[] {
  const { graph, store: weights } = store(options);
  const { quantized, params } = weights.quantize("w", axis);
  const { scales, zeroPoints } = params();
  const { data } = graph.model.tensor(graph.initializer(quantized)!);
  const rounded = dequantizeLinear(
    data as Int8Array,
    axis === undefined
      ? { scale: scales[0]!, zeroPoint: zeroPoints[0]! }
      : { scale: scales, zeroPoint: zeroPoints, shape: [3, COLUMNS], axis },
  );
  const squares = values.map((value, i) => (value - rounded[i]!) ** 2);
  return [0, COLUMNS, 2 * COLUMNS].map((from) =>
    squares.subarray(from, from + COLUMNS).reduce((sum, square) => sum + square, 0),
  );
}

describe("weight scales by squared error", () => {
  it("cut a value far beyond the others, and keep the range of ordinary ones", () => {
    const [plain, best] = [errors({}, 0), errors({ weightScales: "mse" }, 0)];
    expect(best[1]!).toBeLessThan(plain[1]!);
    expect(best[0]!).toBeLessThanOrEqual(plain[0]!);
    expect(best[2]).toBe(0);
    const { store: weights } = store({ weightScales: "mse" });
    const { store: whole } = store({});
    expect(weights.scalesOf("w", 0)[1]! / whole.scalesOf("w", 0)[1]!).toBeLessThan(1);
    expect(weights.scalesOf("w", 0)[2]).toBe(1);
  });

  it("are one for the whole weight where that has one, and never worse in uint8", () => {
    const sum = (options: QuantizeOptions) =>
      errors({ activations: "uint8", ...options }, undefined).reduce((all, each) => all + each, 0);
    expect(sum({ weightScales: "mse" })).toBeLessThan(0.95 * sum({}));
    expect(sum({ weights: "uint8", weightScales: "mse" })).toBeLessThanOrEqual(sum({ weights: "uint8" }));
  });

  it("stay as they are with reduceRange, whose steps must not leave 7 bits", () => {
    const scales = (weightScales: "max" | "mse") =>
      store({ weightScales, reduceRange: true }).store.scalesOf("w", 0);
    expect(scales("mse")).toEqual(scales("max"));
  });
});
