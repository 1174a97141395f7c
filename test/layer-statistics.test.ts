import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { layerRows } from "../lib/calibrate/layer-input.js";
import { LayerObserver } from "../lib/calibrate/layer-statistics.js";
import { anchorOf } from "../lib/compress/anchors.js";
import { layerInputOf } from "../lib/compress/layer-input.js";
import { weightRows } from "../lib/compress/repair/weight-rows.js";
import { Graph } from "../lib/graph/graph.js";
import { openModel } from "../lib/onnx/read.js";
import { elementCount, type Tensor } from "../lib/tensor.js";
import { buildModel, floats, modelFile, type NodeSpec } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { modelProcess, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();

interface Case {
  name: string;
  op: string;
  x: number[];
  w: number[];
  attributes?: NodeSpec["attributes"];
}

const conv = { op: "Conv", x: [2, 4, 6, 7] };
const cases: Case[] = [
  { ...conv, name: "a convolution", w: [3, 4, 3, 2] },
  { ...conv, name: "padding on all sides alike", w: [3, 4, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
  { ...conv, name: "padding of four sizes", w: [3, 4, 3, 3], attributes: { pads: [0, 1, 2, 3] } },
  { ...conv, name: "strides", w: [3, 4, 3, 3], attributes: { strides: [2, 3], pads: [1, 0, 1, 0] } },
  { ...conv, name: "dilations", w: [3, 4, 2, 3], attributes: { dilations: [3, 2] } },
  { ...conv, name: "groups", w: [6, 2, 3, 3], attributes: { group: 2 } },
  { ...conv, name: "a depthwise one", w: [8, 1, 3, 3], attributes: { group: 4, strides: [2, 1] } },
  { ...conv, name: "auto_pad VALID", w: [3, 4, 2, 2], attributes: { auto_pad: "VALID" } },
  {
    op: "Conv",
    name: "one axis in space",
    x: [2, 3, 11],
    w: [5, 3, 4],
    attributes: { strides: [2], pads: [2, 1] },
  },
  { op: "Conv", name: "three axes in space", x: [1, 2, 4, 3, 5], w: [2, 2, 2, 2, 3], attributes: {} },
  { op: "MatMul", name: "a product of rows in a batch", x: [2, 3, 5, 7], w: [7, 4] },
  { op: "Gemm", name: "a Gemm", x: [9, 7], w: [7, 4] },
  { op: "Gemm", name: "a Gemm with a transposed weight", x: [9, 7], w: [4, 7], attributes: { transB: 1 } },
];

describe("the rows of a layer's input", () => {
  test.each(cases)(
    "give its outputs when its weight multiplies them: $name",
    async ({ op, x, w, attributes = {} }) => {
      const weight = randomTensor(w, 2).data as Float32Array;
      const model = buildModel({
        nodes: [{ op, in: ["x", "w"], out: ["y"], attributes }],
        initializers: [floats("w", w, weight)],
        inputs: { x },
        outputs: ["y"],
      });
      const path = join(folder, "layer.onnx");
      writeFileSync(path, modelFile(model));
      const input = randomTensor(x, 1);
      const y = (await run(path, { x: input })).y!;

      const graph = new Graph(openModel(model));
      const anchor = anchorOf(graph, graph.allNodes()[0]!);
      if (typeof anchor === "string") throw new Error(anchor);
      const layer = layerInputOf(graph, anchor)!;
      const { values, columns } = weightRows(graph, anchor);
      const groups = layerRows(input.data as Float32Array, x, layer);
      const made = product(groups, values, columns);
      expect(closest(made, channelsLast(op, y))).toBeLessThan(1e-5);
    },
  );

  it("are some of them where a sample has many, the same for the same shape, and with all its parts", () => {
    const columns = 2;
    const rowsOf = (seed: number) =>
      layerRows(randomTensor([3, 500, columns], seed).data as Float32Array, [3, 500, columns], {
        tensor: "x",
        columns,
      })[0]!;
    const place = Float32Array.from({ length: 3 * 500 * columns }, (_, i) => Math.floor(i / columns));
    const [chosen] = layerRows(place, [3, 500, columns], { tensor: "x", columns });
    const places = chosen!.filter((_, i) => i % columns === 0);
    expect(places.length).toBe(3 * 64);
    expect(new Set(places).size).toBe(places.length);
    for (let sample = 0; sample < 3; sample++)
      expect(places.filter((at) => Math.floor(at / 500) === sample).length).toBeGreaterThan(60);
    expect(rowsOf(1)).toHaveLength(places.length * columns);
  });

  it("of a node whose input is not simply read are not taken", () => {
    const spec = (node: NodeSpec, w: number[]) =>
      new Graph(
        openModel(
          buildModel({
            nodes: [node],
            initializers: [floats("w", w, new Float32Array(elementCount(w)))],
            inputs: { x: [4, 4] },
            outputs: ["y"],
          }),
        ),
      );
    for (const [node, w] of [
      [{ op: "Gemm", in: ["x", "w"], out: ["y"], attributes: { transA: 1 } }, [4, 2]],
      [{ op: "Conv", in: ["x", "w"], out: ["y"], attributes: { auto_pad: "SAME_UPPER" } }, [2, 4, 3, 3]],
      [{ op: "MatMul", in: ["x", "w"], out: ["y"] }, [2, 4, 3]],
    ] as [NodeSpec, number[]][]) {
      const graph = spec(node, w);
      const anchor = anchorOf(graph, graph.allNodes()[0]!);
      if (typeof anchor === "string") throw new Error(anchor);
      expect(layerInputOf(graph, anchor)).toBeUndefined();
    }
  });
});

describe("the statistics of a layer", () => {
  const layer = { tensor: "x", columns: 2 };

  it("are means and products over all runs, of the values and of what they are rounded to", () => {
    const observer = new LayerObserver(
      { ...layer, rounding: { dtype: "uint8", scale: 1, zeroPoint: 0 } },
      true,
    );
    observer.observe(Float32Array.of(0.6, 2, 1.4, 4), [2, 2]);
    observer.observe(Float32Array.of(3, -1), [1, 2]);
    expect(observer.result()).toEqual({
      rows: 3,
      mean: Float64Array.from([Math.fround(0.6) + Math.fround(1.4) + 3, 5], (sum) => sum / 3),
      roundedMean: Float64Array.of(5 / 3, 2),
      largest: Float32Array.of(3, 4),
      gram: Float64Array.of(1 + 1 + 9, 2 + 4, 0, 4 + 16),
    });
  });

  it("hold no products unless asked for, and nothing before the first run", () => {
    const observer = new LayerObserver(layer, false);
    expect(observer.result()).toMatchObject({ rows: 0, mean: new Float64Array(0) });
    observer.observe(Float32Array.of(1, 2), [1, 2]);
    expect(observer.result()).toMatchObject({
      rows: 1,
      mean: Float64Array.of(1, 2),
      gram: new Float64Array(0),
    });
  });
});

/** What a layer makes of rows: for each row the outputs of all groups. */
function product(groups: Float32Array[], weight: Float32Array, columns: number): Float32Array {
  const outputs = weight.length / columns;
  const perGroup = outputs / groups.length;
  const rows = groups[0]!.length / columns;
  const made = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++)
    for (let output = 0; output < outputs; output++) {
      const from = groups[Math.floor(output / perGroup)]!.subarray(row * columns, (row + 1) * columns);
      made[row * outputs + output] = from.reduce((sum, v, c) => sum + v * weight[output * columns + c]!, 0);
    }
  return made;
}

function channelsLast(op: string, { shape, data }: Tensor): Float32Array {
  const values = data as Float32Array;
  if (op !== "Conv") return values;
  const [samples = 0, channels = 0, ...space] = shape;
  const plane = elementCount(space);
  return Float32Array.from({ length: samples * channels * plane }, (_, i) => {
    const channel = i % channels;
    const position = Math.floor(i / channels);
    return values[(Math.floor(position / plane) * channels + channel) * plane + (position % plane)]!;
  });
}

function closest(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((max, value, i) => Math.max(max, Math.abs(value - b[i]!)), 0);
}
