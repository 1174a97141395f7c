import { describe, expect, it, test } from "vitest";
import type { QuantizeOptions } from "../lib/compress/options.js";
import { quantizeModel } from "../lib/index.js";
import { buildModel, floats, type GraphSpec, modelFile } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { largestError, modelProcess, quantizeBuilt, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();

const weight = (name: string, shape: number[], seed: number) =>
  floats(name, shape, randomTensor(shape, seed).data as Float32Array);

/** Two products and a convolution, with a Tanh before and a Sub behind them. */
const spec: GraphSpec = {
  nodes: [
    { op: "Conv", name: "/stem/conv", in: ["x", "k"], out: ["c"], attributes: { kernel_shape: [1, 1] } },
    { op: "Tanh", name: "/stem/tanh", in: ["c"], out: ["t"] },
    { op: "MatMul", name: "/body/0/mul", in: ["t", "v"], out: ["p"] },
    { op: "MatMul", name: "/body/1/mul", in: ["p", "w"], out: ["q"] },
    { op: "Add", name: "/body/1/add", in: ["q", "b"], out: ["y"] },
  ],
  initializers: [
    weight("k", [3, 3, 1, 1], 1),
    weight("v", [8, 8], 2),
    weight("w", [8, 8], 3),
    weight("b", [8], 4),
  ],
  inputs: { x: ["n", 3, 8, 8] },
  outputs: ["y"],
};
const samples = [1, 2, 3].map((seed) => ({ x: randomTensor([1, 3, 8, 8], seed) }));

describe("the user chooses nodes by name, pattern and operator type", () => {
  test.each<[string, QuantizeOptions, string[]]>([
    ["everything", {}, ["/stem/conv", "/body/0/mul", "/body/1/mul"]],
    ["one name left out", { exclude: ["/stem/conv"] }, ["/body/0/mul", "/body/1/mul"]],
    ["a pattern left out", { exclude: ["/body/*"] }, ["/stem/conv"]],
    ["a sign for one character", { exclude: ["/body/?/mul"] }, ["/stem/conv"]],
    ["a pattern only", { include: ["*/1/*"] }, ["/body/1/mul"]],
    ["include without exclude", { include: ["/body/*"], exclude: ["*/0/*"] }, ["/body/1/mul"]],
    ["one type", { opTypes: ["Conv"] }, ["/stem/conv"]],
    ["all but one type", { excludeOpTypes: ["MatMul"] }, ["/stem/conv"]],
    [
      "a type that is quantized only when asked for",
      { opTypes: ["Conv", "Tanh"] },
      ["/stem/conv", "/stem/tanh"],
    ],
    [
      "a type with a constant beside the activation",
      { opTypes: ["MatMul", "Add"] },
      ["/body/0/mul", "/body/1/mul", "/body/1/add"],
    ],
  ])("%s", async (name, options, quantized) => {
    const { input, output, nodes } = await quantizeBuilt(
      folder,
      name.replaceAll(" ", "-"),
      buildModel(spec),
      samples,
      options,
    );
    expect(nodes.filter(({ treatment }) => treatment === "int8").map((node) => node.name)).toEqual(quantized);
    const [want, got] = [await run(input, samples[1]!), await run(output, samples[1]!)];
    expect(largestError(want.y!, got.y!)).toBeLessThan(0.25);
  });

  test.each<[string, QuantizeOptions]>([
    ["exclude", { exclude: ["/body/2/*"] }],
    ["include", { include: ["/head"] }],
    ["opTypes", { opTypes: ["Gemmm"] }],
    ["excludeOpTypes", { excludeOpTypes: ["LSTM"] }],
  ])("%s of what the model never had is an error that says so", async (option, options) => {
    const error = await quantizeModel(modelFile(buildModel(spec)), options).catch((e) => e);
    expect(error.code).toBe("UNSUPPORTED_MODEL");
    expect(error.message).toMatch(new RegExp(`^${option}: the model has no node`));
  });

  it("a name that looks like a pattern stands for itself", async () => {
    const nodes = spec.nodes.map((node) => (node.name === "/stem/conv" ? { ...node, name: "a*" } : node));
    const others = nodes.map((node) => (node.name === "/body/0/mul" ? { ...node, name: "ab" } : node));
    const { nodes: treated } = await quantizeModel(modelFile(buildModel({ ...spec, nodes: others })), {
      data: samples.map((feeds) => ({ feeds })),
      exclude: ["a*"],
      prepare: false,
    });
    const kept = treated.filter(({ treatment }) => treatment === "float").map(({ name }) => name);
    expect(kept).toEqual(["a*"]);
  });

  it("MatMul means also the Gemm that the preparation makes of MatMul and Add", async () => {
    const flat = buildModel({
      nodes: [
        { op: "MatMul", name: "/fc/MatMul", in: ["x", "w"], out: ["p"] },
        { op: "Add", name: "/fc/Add", in: ["p", "b"], out: ["y"] },
      ],
      initializers: [weight("w", [8, 8], 3), weight("b", [8], 4)],
      inputs: { x: [2, 8] },
      outputs: ["y"],
    });
    const { nodes } = await quantizeModel(modelFile(flat), {
      data: [{ feeds: { x: randomTensor([2, 8], 1) } }],
      opTypes: ["MatMul"],
    });
    expect(nodes).toMatchObject([{ opType: "Gemm", treatment: "int8" }]);
  });
});
