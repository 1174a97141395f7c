import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { compareModels, inspectModel, quantizeModel } from "../lib/index.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import { buildModel, floats, type GraphSpec } from "./support/build-model.js";
import { calibrationSamples, carried, testSamples } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { largestError, modelProcess, quantizeBuilt, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();

const weight = (name: string, shape: number[], seed: number) =>
  floats(name, shape, randomTensor(shape, seed, 0.5).data as Float32Array);
const ints = (name: string, ...values: number[]) =>
  encodeTensor(name, "int64", [values.length], BigInt64Array.from(values, BigInt));
const conv = (name: string, input: string, output: string, extra = {}) => ({
  op: "Conv",
  name,
  in: [input, `${name}.w`, `${name}.b`],
  out: [output],
  attributes: { kernel_shape: [1, 1], ...extra },
});
const convWeights = (name: string, from: number, to: number, seed: number) => [
  weight(`${name}.w`, [to, from, 1, 1], seed),
  weight(`${name}.b`, [to], seed + 1),
];

/** A convolution, what stands in the middle (from p and r to q), and another convolution. */
function between(middle: GraphSpec["nodes"], constants: GraphSpec["initializers"], channels: number) {
  return buildModel({
    nodes: [conv("a", "x", "p"), conv("b", "x", "r"), ...middle, conv("c", "q", "y")],
    initializers: [
      ...convWeights("a", 3, 4, 1),
      ...convWeights("b", 3, 4, 3),
      ...convWeights("c", channels, 2, 5),
      ...(constants ?? []),
    ],
    inputs: { x: ["n", 3, 8, 8] },
    outputs: ["y"],
  });
}

const COMPUTES = [
  "Add",
  "Mul",
  "Concat",
  "Where",
  "LeakyRelu",
  "Sigmoid",
  "AveragePool",
  "GlobalAveragePool",
];

describe("every operator with an integer form, between two convolutions", () => {
  test.each<[string, GraphSpec["nodes"][number]["attributes"], string[], GraphSpec["initializers"], number]>([
    ["Add", {}, ["p", "r"], [], 4],
    ["Mul", {}, ["p", "r"], [], 4],
    ["Concat", { axis: 1 }, ["p", "r"], [], 8],
    ["Where", {}, ["yes", "p", "r"], [encodeTensor("yes", "bool", [1], Uint8Array.of(1))], 4],
    ["LeakyRelu", { alpha: { float: 0.2 } }, ["p"], [], 4],
    ["Sigmoid", {}, ["p"], [], 4],
    ["AveragePool", { kernel_shape: [2, 2], strides: [2, 2] }, ["p"], [], 4],
    ["GlobalAveragePool", {}, ["p"], [], 4],
    ["MaxPool", { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, ["p"], [], 4],
    ["Reshape", {}, ["p", "shape"], [ints("shape", 0, 4, 4, 16)], 4],
    ["Transpose", { perm: [0, 1, 3, 2] }, ["p"], [], 4],
    ["Slice", {}, ["p", "starts", "ends", "axes"], [ints("starts", 1), ints("ends", 3), ints("axes", 1)], 2],
    ["Gather", { axis: 1 }, ["p", "rows"], [ints("rows", 3, 0)], 2],
    ["Expand", {}, ["p", "shape"], [ints("shape", 2, 4, 8, 8)], 4],
    ["Tile", {}, ["p", "repeats"], [ints("repeats", 1, 1, 2, 1)], 4],
    ["DepthToSpace", { blocksize: 2 }, ["p"], [], 1],
    [
      "Resize",
      { mode: "nearest", nearest_mode: "floor", coordinate_transformation_mode: "asymmetric" },
      ["p", "", "scales"],
      [floats("scales", [4], [1, 1, 2, 2])],
      4,
    ],
  ])("%s", async (op, attributes, inputs, constants, channels) => {
    const model = between(
      [{ op, name: "middle", in: inputs, out: ["q"], attributes: attributes! }],
      constants,
      channels,
    );
    const samples = [1, 2, 3, 4].map((seed) => ({ x: randomTensor([2, 3, 8, 8], seed) }));
    const qdq = await quantizeBuilt(folder, `${op}-qdq`, model, samples);
    const integer = await quantizeBuilt(folder, `${op}-qoperator`, model, samples, { format: "qoperator" });
    expect(integer.nodes.find(({ name }) => name === "middle")).toMatchObject({ treatment: "int8" });
    const { ops } = inspectModel(integer.output);
    // Floats are left at the ends only: the input is quantized, the result brought back.
    expect(ops).toMatchObject({ QuantizeLinear: 1, DequantizeLinear: 1 });
    expect(ops[`com.microsoft.QLinear${op}`] ?? ops[op]).toBe(1);
    expect(`com.microsoft.QLinear${op}` in ops).toBe(COMPUTES.includes(op));
    const [want, pairs, integers] = [
      await run(qdq.input, samples[3]!),
      await run(qdq.output, samples[3]!),
      await run(integer.output, samples[3]!),
    ];
    // onnxruntime makes the same operators of the pairs, so not a bit may differ.
    expect(integers.y!.data).toEqual(pairs.y!.data);
    const range = (want.y!.data as Float32Array).reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    expect(largestError(want.y!, integers.y!)).toBeLessThan(0.04 * range);
  });

  test.each(["x", "p", "q"])(
    "an override that makes %s int8 leaves in pairs what has no kernel of both types",
    async (tensor) => {
      const middle: GraphSpec["nodes"] = [{ op: "Add", name: "middle", in: ["p", "r"], out: ["q"] }];
      const samples = [1, 2].map((seed) => ({ x: randomTensor([2, 3, 8, 8], seed) }));
      const overrides = { [tensor]: { dtype: "int8" } } as const;
      const [pairs, integers] = await Promise.all(
        (["qdq", "qoperator"] as const).map((format) =>
          quantizeBuilt(folder, `${tensor}-${format}`, between(middle, [], 4), samples, {
            format,
            overrides,
          }),
        ),
      );
      const [sample] = samples;
      const results = [await run(pairs!.output, sample!), await run(integers!.output, sample!)];
      expect(largestError(results[0]!.y!, results[1]!.y!)).toBeLessThan(0.05);
    },
  );

  it("what is in 16 bits already stays between its pairs", async () => {
    const pool: GraphSpec["nodes"] = [
      { op: "MaxPool", in: ["p"], out: ["q"], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
    ];
    const samples = [1, 2].map((seed) => ({ x: randomTensor([2, 3, 8, 8], seed) }));
    const { output: wide } = await quantizeBuilt(folder, "wide", between(pool, [], 4), samples, {
      activations: "int16",
      opTypes: ["Conv", "MaxPool"],
      exclude: ["c"],
    });
    const output = join(folder, "wide-again.onnx");
    await quantizeModel(wide, {
      data: samples.map((feeds) => ({ feeds })),
      format: "qoperator",
      requantize: true,
      output,
    });
    const [sample] = samples;
    expect(largestError((await run(wide, sample!)).y!, (await run(output, sample!)).y!)).toBeLessThan(0.02);
  });

  it("Split gives each part the scale of the whole", async () => {
    const nodes: GraphSpec["nodes"] = [
      { op: "Split", name: "middle", in: ["p"], out: ["s", "t"], attributes: { axis: 1 } },
      { op: "Add", in: ["t", "s"], out: ["q"] },
    ];
    const x = randomTensor([1, 3, 8, 8], 1);
    const { input, output } = await quantizeBuilt(folder, "split", between(nodes, [], 2), [{ x }], {
      format: "qoperator",
    });
    expect(inspectModel(output).ops).toMatchObject({
      Split: 1,
      "com.microsoft.QLinearAdd": 1,
      QuantizeLinear: 1,
    });
    expect(largestError((await run(input, { x })).y!, (await run(output, { x })).y!)).toBeLessThan(0.02);
  });
});

describe("products", () => {
  const x = randomTensor([4, 8], 1);
  const initializers = [weight("w", [8, 8], 2), weight("v", [8, 8], 3), weight("b", [8], 4)];
  const inputs = { x: ["n", 8] };

  it("end in float where float is wanted, and in integers where the next product reads them", async () => {
    const model = buildModel({
      nodes: [
        { op: "MatMul", in: ["x", "w"], out: ["p"] },
        { op: "Tanh", in: ["p"], out: ["t"] },
        { op: "Gemm", in: ["t", "v", "b"], out: ["g"] },
        { op: "Relu", in: ["g"], out: ["r"] },
        { op: "Gemm", in: ["r", "v", "b"], out: ["y"], attributes: { transB: 1 } },
      ],
      initializers,
      inputs,
      outputs: ["y"],
    });
    const {
      input,
      output,
      model: result,
    } = await quantizeBuilt(folder, "products", model, [{ x }], {
      format: "qoperator",
    });
    const nodes = result.proto.graph!.node.map(({ opType, input: { length } }) => [opType, length]);
    expect(nodes).toEqual([
      ["QuantizeLinear", 3],
      ["MatMulIntegerToFloat", 6],
      ["Tanh", 1],
      ["QuantizeLinear", 3],
      ["QGemm", 9],
      ["QGemm", 7],
    ]);
    expect(largestError((await run(input, { x })).y!, (await run(output, { x })).y!)).toBeLessThan(0.05);
  });

  it.each(["uint8", "int8"] as const)(
    "of two activations become QLinearMatMul with %s",
    async (activations) => {
      const model = buildModel({
        nodes: [
          { op: "MatMul", in: ["x", "w"], out: ["k"] },
          { op: "MatMul", in: ["x", "v"], out: ["l"] },
          { op: "Transpose", in: ["l"], out: ["m"], attributes: { perm: [1, 0] } },
          { op: "MatMul", in: ["k", "m"], out: ["n"] },
          { op: "Softmax", in: ["n"], out: ["y"] },
        ],
        initializers,
        inputs: { x: [4, 8] },
        outputs: ["y"],
      });
      const options = {
        format: "qoperator",
        activations,
        opTypes: ["MatMul", "Softmax", "Transpose"],
      } as const;
      const { input, output } = await quantizeBuilt(folder, `two-${activations}`, model, [{ x }], options);
      const { ops } = inspectModel(output);
      expect(ops).toMatchObject({ QLinearMatMul: 3, Transpose: 1, "com.microsoft.QLinearSoftmax": 1 });
      expect(ops.MatMul).toBeUndefined();
      expect(largestError((await run(input, { x })).y!, (await run(output, { x })).y!)).toBeLessThan(0.03);
    },
  );
});

test.each([
  ["digits_cnn", { QLinearConv: 4, "com.microsoft.QGemm": 2 }],
  ["digits_dw", { QLinearConv: 11, "com.microsoft.QLinearGlobalAveragePool": 1 }],
  ["digits_vit", { "com.microsoft.MatMulIntegerToFloat": 28, "com.microsoft.QGemm": 1, QLinearMatMul: 4 }],
])("%s answers in both formats alike", async (name, ops) => {
  const [pairs, integers] = ["qdq", "qoperator"].map((format) => join(folder, `${name}.${format}.onnx`));
  const data = calibrationSamples().slice(0, 64);
  await quantizeModel(carried(`${name}.onnx`), { data, output: pairs });
  await quantizeModel(carried(`${name}.onnx`), { data, output: integers, format: "qoperator" });
  expect(inspectModel(integers!).ops).toMatchObject(ops);
  const { agreement } = await compareModels(pairs!, integers!, { data: testSamples(), latency: false });
  expect(agreement).toBeGreaterThanOrEqual(0.998);
});
