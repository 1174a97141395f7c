import { describe, expect, it, test } from "vitest";
import type { QuantizeOptions } from "../lib/compress/options.js";
import type { Tensor } from "../lib/tensor.js";
import { buildGraph, buildModel, floats, type GraphSpec } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { largestError, modelProcess, quantizeBuilt, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();

const conv = (name: string, input: string, output: string) => ({
  op: "Conv",
  name,
  in: [input, `${name}.w`, `${name}.b`],
  out: [output],
  attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
});
const convWeights = (name: string, from: number, to: number, seed: number) => [
  floats(`${name}.w`, [to, from, 3, 3], randomTensor([to * from * 9], seed, 0.5).data as Float32Array),
  floats(`${name}.b`, [to], randomTensor([to], seed + 1, 0.2).data as Float32Array),
];

describe("graphs of every shape stay correct", () => {
  const chain = (middle: GraphSpec["nodes"], extra: GraphSpec["initializers"] = []): GraphSpec => ({
    nodes: [conv("a", "x", "p"), ...middle, conv("b", "q", "y")],
    initializers: [...convWeights("a", 3, 4, 1), ...convWeights("b", 4, 4, 5), ...extra],
    inputs: { x: ["n", 3, 6, 6] },
    outputs: ["y"],
  });
  const bounds = [floats("low", [], [0.5]), floats("high", [], [2]), floats("minus", [], [-1])];
  const opaque = [floats("one", [1], [1])];
  test.each<[string, GraphSpec, string[]]>([
    ["Relu between convolutions is merged", chain([{ op: "Relu", in: ["p"], out: ["q"] }]), ["Relu"]],
    [
      "Clip around zero is merged",
      chain([{ op: "Clip", in: ["p", "minus", "high"], out: ["q"] }], bounds),
      ["Clip"],
    ],
    [
      "Clip that cuts zero away is kept",
      chain([{ op: "Clip", in: ["p", "low", "high"], out: ["q"] }], bounds),
      [],
    ],
    [
      "Relu with a second reader of its input is kept",
      { ...chain([{ op: "Relu", in: ["p"], out: ["q"] }]), outputs: ["y", "p"] },
      [],
    ],
    [
      "MaxPool shares the scale of its input",
      chain([
        { op: "Relu", in: ["p"], out: ["r"] },
        { op: "MaxPool", in: ["r"], out: ["q"], attributes: { kernel_shape: [2, 2] } },
      ]),
      ["Relu"],
    ],
    [
      "Relu behind a MaxPool is kept",
      chain([
        { op: "MaxPool", in: ["p"], out: ["r"], attributes: { kernel_shape: [2, 2] } },
        { op: "Relu", in: ["r"], out: ["q"] },
      ]),
      [],
    ],
    [
      "a residual Add",
      {
        ...chain([conv("c", "p", "r"), { op: "Add", in: ["p", "r"], out: ["q"] }]),
        initializers: [
          ...convWeights("a", 3, 4, 1),
          ...convWeights("b", 4, 4, 5),
          ...convWeights("c", 4, 4, 9),
        ],
      },
      [],
    ],
    [
      "a float operator between integers",
      chain(
        [
          { op: "Mul", in: ["p", "one"], out: ["r"] },
          { op: "Tanh", in: ["r"], out: ["q"] },
        ],
        opaque,
      ),
      [],
    ],
    ["a weight and a bias that two nodes share", chain([{ ...conv("b", "p", "q"), name: "again" }]), []],
    ["unnamed nodes", chain([{ op: "Relu", in: ["p"], out: ["q"] }].map((node) => ({ ...node }))), ["Relu"]],
    [
      "a quantized tensor that is an output as well",
      { ...chain([{ op: "Relu", in: ["p"], out: ["q"] }]), outputs: ["y", "q"] },
      ["Relu"],
    ],
    [
      "a tensor that a subgraph reads keeps its Relu",
      {
        ...chain([
          { op: "Relu", in: ["p"], out: ["q"] },
          {
            op: "If",
            in: ["yes"],
            out: ["z"],
            attributes: {
              then_branch: buildGraph({ nodes: [{ op: "Identity", in: ["q"], out: ["t"] }], outputs: ["t"] }),
              else_branch: buildGraph({ nodes: [{ op: "Neg", in: ["q"], out: ["e"] }], outputs: ["e"] }),
            },
          },
        ]),
        inputs: { x: ["n", 3, 6, 6], yes: ["bool", []] },
        outputs: ["y", "z"],
      },
      [],
    ],
  ])("%s", async (name, spec, merged) => {
    const yes: Tensor = { dtype: "bool", shape: [1].slice(1), data: Uint8Array.of(1) };
    const withCondition = (x: Tensor) => (spec.inputs && "yes" in spec.inputs ? { x, yes } : { x });
    const samples = [1, 2, 3, 4].map((seed) => withCondition(randomTensor([1, 3, 6, 6], seed)));
    const { input, output, nodes } = await quantizeBuilt(
      folder,
      name.replaceAll(" ", "-"),
      buildModel(spec),
      samples,
    );
    expect(nodes.filter(({ treatment }) => treatment === "merged").map(({ opType }) => opType)).toEqual(
      merged,
    );
    const [want, got] = [await run(input, samples[2]!), await run(output, samples[2]!)];
    expect(Object.keys(got)).toEqual(spec.outputs);
    for (const tensor of spec.outputs!) {
      const range = (want[tensor]!.data as Float32Array).reduce((max, v) => Math.max(max, Math.abs(v)), 0);
      expect(largestError(want[tensor]!, got[tensor]!)).toBeLessThan(0.03 * range);
    }
  });

  it("static and dynamic bring opset 11 to 13, which has one scale per channel; weights need not", async () => {
    const wide = [...convWeights("a", 3, 4, 1), ...convWeights("b", 4, 16, 5)];
    const spec = { ...chain([{ op: "Relu", in: ["p"], out: ["q"] }]), initializers: wide };
    const x = randomTensor([1, 3, 6, 6], 3);
    for (const mode of ["static", "dynamic", "weights"] as const) {
      const samples = mode === "static" ? [{ x }] : [];
      const built = buildModel(spec, 11);
      const { input, output, model } = await quantizeBuilt(folder, `opset11-${mode}`, built, samples, {
        mode,
      });
      expect(Number(model.proto.opsetImport[0]!.version)).toBe(mode === "weights" ? 11 : 13);
      expect(largestError((await run(input, { x })).y!, (await run(output, { x })).y!)).toBeLessThan(0.1);
    }
  });

  test.each<QuantizeOptions>([
    { activations: "int8" },
    { weights: "uint8" },
    { perChannel: false },
    { reduceRange: true },
    { prepare: false },
  ])("with %o", async (options) => {
    const x = randomTensor([1, 3, 6, 6], 3);
    const spec = chain([{ op: "Relu", in: ["p"], out: ["q"] }]);
    const { input, output } = await quantizeBuilt(folder, "options", buildModel(spec), [{ x }], options);
    expect(largestError((await run(input, { x })).y!, (await run(output, { x })).y!)).toBeLessThan(0.15);
  });

  it("a Gemm that transposes becomes a dynamic product of the same values", async () => {
    const model = buildModel({
      nodes: [{ op: "Gemm", in: ["x", "w", "b"], out: ["y"], attributes: { transB: 1 } }],
      initializers: [
        floats("w", [3, 4], randomTensor([12], 8).data as Float32Array),
        floats("b", [3], [1, 2, 3]),
      ],
      inputs: { x: ["n", 4] },
      outputs: ["y"],
    });
    const x = randomTensor([2, 4], 9);
    const { input, output } = await quantizeBuilt(folder, "transposed", model, [], { mode: "dynamic" });
    expect(largestError((await run(input, { x })).y!, (await run(output, { x })).y!)).toBeLessThan(0.05);
  });
});

describe("the numbers follow onnxruntime's quantizer", () => {
  it("weights symmetric per channel, activations asymmetric, bias in input scale x weight scale", async () => {
    const model = buildModel({
      nodes: [{ op: "Gemm", name: "fc", in: ["x", "w", "b"], out: ["y"] }],
      initializers: [floats("w", [2, 2], [1, -0.5, 0.25, 4]), floats("b", [2], [0.5, -3])],
      inputs: { x: ["n", 2] },
      outputs: ["y"],
    });
    const x: Tensor = { dtype: "float32", shape: [1, 2], data: Float32Array.of(-1, 4.1) };
    const { model: result, ranges } = await quantizeBuilt(folder, "gemm", model, [{ x }]);
    const scale = Math.fround((Math.fround(4.1) + 1) / 255);
    expect(ranges.x).toMatchObject({ min: -1, max: Math.fround(4.1), scale, zeroPoint: 50 });
    const tensor = (name: string) => result.tensors.get(name)!.data;
    const scales = Float32Array.of(2 / 254, 8 / 254);
    expect(tensor("w_scale")).toEqual(scales);
    expect(tensor("w_quantized")).toEqual(Int8Array.of(127, -16, 32, 127));
    const biasScales = scales.map((value) => value * scale);
    expect(tensor("b_quantized_scale")).toEqual(biasScales);
    expect(tensor("b_quantized")).toEqual(
      Int32Array.of(Math.round(0.5 / biasScales[0]!), Math.round(-3 / biasScales[1]!)),
    );
  });

  it("a scale too small for its bias is raised until the bias fits int32", async () => {
    const model = buildModel({
      nodes: [{ op: "Gemm", in: ["x", "w", "b"], out: ["y"] }],
      initializers: [floats("w", [1, 2], [1e-9, 1]), floats("b", [2], [100, 1])],
      inputs: { x: ["n", 1] },
      outputs: ["y"],
    });
    const x: Tensor = { dtype: "float32", shape: [1, 1], data: Float32Array.of(0.01) };
    const { output, model: result } = await quantizeBuilt(folder, "tiny", model, [{ x }]);
    const bias = result.tensors.get("b_quantized")!.data as Int32Array;
    expect(Math.abs(bias[0]!)).toBeGreaterThan(2_000_000_000);
    const { y } = await run(output, { x });
    expect(y!.data[0]).toBeCloseTo(100, 3);
  });
});
