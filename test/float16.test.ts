import { describe, expect, it, test } from "vitest";
import { inspectModel, readOnnx } from "../lib/index.js";
import type { Tensor } from "../lib/tensor.js";
import { buildGraph, buildModel, floats, type GraphSpec } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { largestError, modelProcess, quantizeBuilt, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();
const half = { mode: "float16" } as const;

const weight = (name: string, shape: number[], seed: number, scale = 1) =>
  floats(name, shape, randomTensor(shape, seed, scale).data as Float32Array);
const int64 = (shape: number[], values: number[]): Tensor => ({
  dtype: "int64",
  shape,
  data: BigInt64Array.from(values, BigInt),
});

const network: GraphSpec = {
  nodes: [
    { op: "MatMul", name: "first", in: ["x", "w"], out: ["h"] },
    { op: "Relu", name: "relu", in: ["h"], out: ["r"] },
    { op: "Gemm", name: "last", in: ["r", "v", "b"], out: ["y"] },
  ],
  initializers: [weight("w", [16, 32], 1), weight("v", [32, 8], 2), weight("b", [8], 3)],
  inputs: { x: ["n", 16] },
  outputs: ["y"],
};

describe("float16", () => {
  const x = randomTensor([4, 16], 4);

  it("has weights and arithmetic of 16 bits, inputs and outputs of 32", async () => {
    const { input, output, mode, nodes } = await quantizeBuilt(
      folder,
      "plain",
      buildModel(network),
      [],
      half,
    );
    expect(mode).toBe("float16");
    expect(nodes.every(({ treatment }) => treatment === "float16")).toBe(true);
    const { parameters, inputs, outputs, ops } = inspectModel(output);
    expect(Object.keys(parameters)).toEqual(["float16"]);
    expect([inputs[0]!.dtype, outputs[0]!.dtype]).toEqual(["float32", "float32"]);
    expect(ops.Cast).toBe(2);
    expect(largestError((await run(input, { x })).y!, (await run(output, { x })).y!)).toBeLessThan(0.02);
  });

  it("of inputs and outputs too, when asked for", async () => {
    const spec = {
      ...network,
      nodes: [...network.nodes, { op: "CumSum", name: "sum", in: ["y", "axis"], out: ["z"] }],
      initializers: [
        ...network.initializers!,
        { ...floats("axis", [], []), dataType: 6, rawData: new Uint8Array(4) },
      ],
      outputs: ["y", "z"],
    };
    const { output } = await quantizeBuilt(folder, "io", buildModel(spec), [], { ...half, keepIo: false });
    const { inputs, outputs } = inspectModel(output);
    expect([...inputs, ...outputs].map(({ dtype }) => dtype)).toEqual(["float16", "float16", "float16"]);
    const data = new Uint16Array(64).fill(0x3c00);
    const results = await run(output, { x: { dtype: "float16", shape: [4, 16], data } });
    expect([results.y!.dtype, results.z!.dtype]).toEqual(["float16", "float16"]);
  });

  it("cuts values beyond its range and says so; a single value too small becomes the smallest", async () => {
    const spec: GraphSpec = {
      nodes: [
        { op: "Clip", in: ["x", "low", "high"], out: ["c"] },
        { op: "Add", in: ["c", "mask"], out: ["m"] },
        { op: "Mul", in: ["m", "m"], out: ["p"] },
        { op: "Add", in: ["p", "epsilon"], out: ["e"] },
        { op: "Div", in: ["c", "e"], out: ["y"] },
      ],
      initializers: [
        floats("low", [], [-3.4e38]),
        floats("high", [], [Infinity]),
        floats("mask", [16], [-1e30, 65510, 1e5, ...Array(13).fill(0)]),
        floats("epsilon", [], [1e-12]),
      ],
      inputs: { x: ["n", 16] },
      outputs: ["y"],
    };
    const { output, warnings } = await quantizeBuilt(folder, "cut", buildModel(spec), [], half);
    expect(warnings.filter((warning) => warning.includes("65504")).sort()).toEqual([
      "1 values of low lie beyond 65504, the largest of float16, and were cut to it",
      "3 values of mask lie beyond 65504, the largest of float16, and were cut to it",
    ]);
    const { tensors } = readOnnx(output);
    const bits = (name: string) => [...(tensors.get(`${name}_float16`)!.data as Uint16Array)];
    expect(bits("low")).toEqual([0xfbff]);
    expect(bits("high")).toEqual([0x7c00]);
    expect(bits("mask").slice(0, 4)).toEqual([0xfbff, 0x7bff, 0x7bff, 0]);
    expect(bits("epsilon")).toEqual([1]);
    const { y } = await run(output, { x: { ...x, data: new Float32Array(64) } });
    expect([...(y!.data as Float32Array)].some(Number.isNaN)).toBe(false);
  });

  test.each<[string, GraphSpec, Record<string, Tensor>, string[]]>([
    [
      "positions and angles",
      {
        nodes: [
          { op: "Cast", name: "to-float", in: ["at"], out: ["f"], attributes: { to: 1 } },
          { op: "Mul", name: "angle", in: ["f", "rate"], out: ["a"] },
          { op: "Sin", name: "sin", in: ["a"], out: ["s"] },
          { op: "MatMul", name: "product", in: ["s", "w"], out: ["y"] },
        ],
        initializers: [floats("rate", [2], [1, 0.01]), weight("w", [2, 4], 1)],
        inputs: { at: ["int64", ["n", 1]] },
        outputs: ["y"],
      },
      { at: int64([3, 1], [0, 4097, 70000]) },
      ["to-float", "angle", "sin"],
    ],
    [
      "sizes, of which a Resize takes the factors",
      {
        nodes: [
          { op: "Shape", in: ["x"], out: ["size"] },
          { op: "Cast", name: "to-float", in: ["size"], out: ["f"], attributes: { to: 1 } },
          { op: "Div", name: "factors", in: ["f", "f"], out: ["one"] },
          { op: "Mul", name: "scale", in: ["one", "factor"], out: ["s"] },
          { op: "Resize", name: "resize", in: ["x", "", "s"], out: ["y"], attributes: { mode: "linear" } },
        ],
        initializers: [floats("factor", [4], [1, 1, 2, 2])],
        inputs: { x: ["n", 1, 3, 3] },
        outputs: ["y"],
      },
      { x: randomTensor([1, 1, 3, 3], 2) },
      ["to-float", "factors", "scale"],
    ],
    [
      "operators without float16 and what is excluded",
      {
        nodes: [
          { op: "Mul", name: "spared", in: ["x", "x"], out: ["a"] },
          { op: "Sigmoid", name: "in-half", in: ["a"], out: ["b"] },
          { op: "Max", name: "max", in: ["b", "x"], out: ["c"] },
          { op: "Tanh", name: "in-half-too", in: ["c"], out: ["y"] },
        ],
        inputs: { x: ["n", 4] },
        outputs: ["y"],
      },
      { x: randomTensor([2, 4], 3) },
      ["spared", "max"],
    ],
    [
      "a BatchNormalization, whose variance may be anything",
      {
        nodes: [
          { op: "Relu", name: "relu", in: ["x"], out: ["r"] },
          { op: "BatchNormalization", name: "norm", in: ["r", "a", "b", "mean", "variance"], out: ["n"] },
          { op: "Sigmoid", name: "sigmoid", in: ["n"], out: ["y"] },
        ],
        initializers: [
          floats("a", [2], [1e-5, 1000]),
          floats("b", [2], [0, 1]),
          floats("mean", [2], [0.5, 70000]),
          floats("variance", [2], [1e-11, 1e10]),
        ],
        inputs: { x: ["n", 2, 3, 3] },
        outputs: ["y"],
      },
      { x: randomTensor([1, 2, 3, 3], 2) },
      ["norm"],
    ],
    [
      "what an If takes and gives",
      {
        nodes: [
          { op: "Neg", name: "in-half", in: ["x"], out: ["a"] },
          {
            op: "If",
            name: "if",
            in: ["yes"],
            out: ["b"],
            attributes: {
              then_branch: buildGraph({
                nodes: [{ op: "MatMul", name: "product", in: ["a", "w"], out: ["t"] }],
                initializers: [weight("w", [4, 4], 5)],
                outputs: ["t"],
              }),
              else_branch: buildGraph({ nodes: [{ op: "Identity", in: ["a"], out: ["e"] }], outputs: ["e"] }),
            },
          },
          { op: "Tanh", name: "in-half-too", in: ["b"], out: ["y"] },
        ],
        inputs: { x: ["n", 4], yes: ["bool", []] },
        outputs: ["y"],
      },
      { x: randomTensor([2, 4], 3), yes: { dtype: "bool", shape: [], data: Uint8Array.of(1) } },
      ["if"],
    ],
    [
      "nothing of comparisons and constants, which follow",
      {
        nodes: [
          { op: "Shape", in: ["x"], out: ["size"] },
          {
            op: "ConstantOfShape",
            name: "filled",
            in: ["size"],
            out: ["c"],
            attributes: { value: floats("value", [1], [0.25]) },
          },
          { op: "Add", name: "sum", in: ["x", "c"], out: ["s"] },
          { op: "Greater", name: "greater", in: ["s", "c"], out: ["g"] },
          { op: "Where", name: "where", in: ["g", "s", "c"], out: ["y"] },
        ],
        inputs: { x: ["n", 4] },
        outputs: ["y"],
      },
      { x: randomTensor([2, 4], 3) },
      [],
    ],
  ])("leaves in float32 %s", async (name, spec, feeds, kept) => {
    for (const prepare of [true, false]) {
      const { input, output, nodes } = await quantizeBuilt(
        folder,
        `${name}-${prepare}`,
        buildModel(spec),
        [],
        {
          ...half,
          prepare,
          ...(kept.includes("spared") && { exclude: ["spared"] }),
        },
      );
      const float = nodes.filter(({ treatment }) => treatment === "float").map((node) => node.name);
      expect(float.sort()).toEqual([...kept].sort());
      const [want, got] = [await run(input, feeds), await run(output, feeds)];
      expect(largestError(want.y!, got.y!)).toBeLessThan(0.004);
    }
  });

  it("keeps the float32 form of what is read in both, once", async () => {
    const spec: GraphSpec = {
      nodes: [
        { op: "Add", in: ["x", "shared"], out: ["a"] },
        { op: "Max", in: ["a", "shared"], out: ["b"] },
        { op: "Max", in: ["b", "a"], out: ["c"] },
        { op: "Add", in: ["c", "a"], out: ["y"] },
      ],
      initializers: [weight("shared", [4], 6)],
      inputs: { x: ["n", 4] },
      outputs: ["y", "a"],
    };
    const { input, output } = await quantizeBuilt(folder, "both", buildModel(spec), [], half);
    const { parameters, ops } = inspectModel(output);
    expect([parameters.float16!.tensors, parameters.float32!.tensors]).toEqual([1, 1]);
    // x, a and y, and what goes into and comes out of the two Max.
    expect(ops.Cast).toBe(4);
    const feeds = { x: randomTensor([3, 4], 7) };
    const [want, got] = [await run(input, feeds), await run(output, feeds)];
    for (const tensor of ["y", "a"]) expect(largestError(want[tensor]!, got[tensor]!)).toBeLessThan(0.01);
  });

  it("does nothing to a model without floats", async () => {
    const spec: GraphSpec = {
      nodes: [{ op: "Add", in: ["i", "i"], out: ["y"] }],
      inputs: { i: ["int64", ["n"]] },
      outputs: [],
    };
    const work = quantizeBuilt(folder, "integers", buildModel(spec), [], { ...half, prepare: false });
    await expect(work).rejects.toThrow(expect.objectContaining({ code: "NOTHING_TO_QUANTIZE" }));
  });
});
