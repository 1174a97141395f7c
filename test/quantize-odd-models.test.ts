import { describe, expect, it, test } from "vitest";
import type { QuantizeOptions } from "../lib/compress/options.js";
import { float32ToFloat16, readOnnx, type Tensor } from "../lib/index.js";
import { type ModelProto, TensorProto_DataType } from "../lib/onnx/proto/onnx_pb.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import { buildGraph, buildModel, floats, type GraphSpec, type NodeSpec } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { modelProcess, quantizeBuilt, randomTensor, sqnrDb } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();

const weight = (name: string, shape: number[], seed = name.length) =>
  floats(name, shape, randomTensor(shape, seed, 0.5).data as Float32Array);
const half = (name: string, shape: number[], seed = name.length) =>
  encodeTensor(name, "float16", shape, float32ToFloat16(randomTensor(shape, seed, 0.5).data as Float32Array));
const product = (a: string, b: string, output: string, name?: string): NodeSpec => ({
  op: "MatMul",
  in: [a, b],
  out: [output],
  ...(name !== undefined && { name }),
});
const relu = (input: string, output: string): NodeSpec => ({ op: "Relu", in: [input], out: [output] });
const cast = (input: string, output: string, to: number): NodeSpec => ({
  op: "Cast",
  in: [input],
  out: [output],
  attributes: { to },
});
const x = randomTensor([4, 16], 5);
const inputs = { x: ["n", 16] };

/** Two products with a Relu between them. */
const twoLayers: GraphSpec = {
  nodes: [product("x", "w", "h"), relu("h", "r"), product("r", "last", "y")],
  initializers: [weight("w", [16, 64]), weight("last", [64, 16])],
  inputs,
  outputs: ["y"],
};

const MODES: Readonly<Record<string, QuantizeOptions>> = {
  static: { mode: "static" },
  dynamic: { mode: "dynamic" },
  weights: { mode: "weights" },
  blocks: { bits: 4, blockSize: 16, headBits: 8 },
};

async function outcome(
  name: string,
  model: ModelProto,
  feeds: Record<string, Tensor>,
  options: QuantizeOptions,
) {
  const data = options.mode === "static" ? [feeds] : [];
  const result = await quantizeBuilt(folder, name.replaceAll(/\W+/g, "-"), model, data, options);
  const [want, got] = [await run(result.input, feeds), await run(result.output, feeds)];
  return { ...result, db: sqnrDb(want, got) };
}

describe("models that are odd, but that onnxruntime takes", () => {
  test("do not keep the names that onnxruntime gives when it optimises them", async () => {
    const model = buildModel({
      nodes: [
        product("x", "w", "h"),
        { op: "Add", in: ["h", "b"], out: ["s"] },
        relu("s", "r"),
        product("r", "last", "t"),
        { op: "Add", in: ["t", "c"], out: ["y"] },
      ],
      initializers: [
        weight("w", [16, 64]),
        weight("b", [64]),
        weight("last", [64, 16]),
        floats("c", [16], randomTensor([16], 9).data as Float32Array),
      ],
      inputs: { x: [2, 3, 16] },
      outputs: ["y"],
    });
    const feeds = { x: randomTensor([2, 3, 16], 5) };
    const { db, output } = await outcome("names", model, feeds, { mode: "static" });
    const shapes = [...readOnnx(output).tensors.keys()].filter((name) =>
      /^gemm_(in|out)put_shape/.test(name),
    );
    expect(shapes.length).toBeGreaterThan(0); // onnxruntime has made a Gemm of both, between a Reshape and another
    expect(shapes.filter((name) => !name.endsWith("_made"))).toEqual([]);
    expect(db).toBeGreaterThan(25);
  });

  const branch = (nodes: NodeSpec[]) => buildGraph({ nodes, outputs: [nodes.at(-1)!.out[0]!] });
  const yes: Tensor = { dtype: "bool", shape: [], data: Uint8Array.of(1) };
  test.each<[string, GraphSpec, ((model: ModelProto) => void)?, Record<string, Tensor>?]>([
    [
      "initializers that are inputs too",
      { ...twoLayers, inputs: { ...inputs, w: [16, 64], last: [64, 16] } },
    ],
    ["an initializer that is an output", { ...twoLayers, outputs: ["y", "w"] }],
    [
      "an input that is an output",
      { ...twoLayers, outputs: ["y", "x"] },
      ({ graph }) => {
        graph!.output[1]!.type = graph!.input[0]!.type!;
      },
    ],
    [
      "an input of unknown rank",
      twoLayers,
      ({ graph }) => {
        const type = graph!.input[0]!.type!.value;
        if (type.case === "tensorType") delete type.value.shape;
      },
    ],
    ["nodes in no order", { ...twoLayers, nodes: twoLayers.nodes.toReversed() }],
    [
      "names that the quantizer would give",
      {
        ...twoLayers,
        nodes: [
          product("x", "w", "w_quantized", "w_dequantized"),
          relu("w_quantized", "w_scale"),
          product("w_scale", "last", "y", "x_quantized"),
        ],
      },
    ],
    [
      "the standard operators under their long name",
      twoLayers,
      ({ graph, opsetImport }) => {
        for (const each of [...graph!.node, ...opsetImport]) each.domain = "ai.onnx";
      },
    ],
    [
      "the standard set under its long name, the operators under the short",
      twoLayers,
      ({ opsetImport }) => {
        for (const each of opsetImport) each.domain = "ai.onnx";
      },
    ],
    [
      "a weight that a branch takes from around it",
      {
        nodes: [
          product("x", "w", "h"),
          {
            op: "If",
            in: ["yes"],
            out: ["y"],
            attributes: {
              then_branch: branch([product("h", "last", "a")]),
              else_branch: branch([product("h", "last", "b"), { op: "Neg", in: ["b"], out: ["c"] }]),
            },
          },
        ],
        initializers: twoLayers.initializers!,
        inputs: { ...inputs, yes: ["bool", []] },
        outputs: ["y"],
      },
      () => {},
      { x, yes },
    ],
    [
      "weights that come through other nodes",
      {
        ...twoLayers,
        nodes: [
          { op: "Transpose", in: ["w"], out: ["turned"], attributes: { perm: [1, 0] } },
          product("x", "turned", "h"),
          relu("h", "r"),
          { op: "Identity", in: ["last"], out: ["same"] },
          product("r", "same", "y"),
        ],
        initializers: [weight("w", [64, 16]), weight("last", [64, 16])],
      },
    ],
    [
      "an empty initializer",
      {
        ...twoLayers,
        nodes: [
          product("x", "w", "h"),
          { op: "Concat", in: ["h", "none"], out: ["r"], attributes: { axis: 1 } },
          product("r", "last", "y"),
        ],
        initializers: [...twoLayers.initializers!, floats("none", [4, 0], [])],
        inputs: { x: [4, 16] },
      },
    ],
    [
      "a bias that two layers and an Add share",
      {
        ...twoLayers,
        nodes: [
          { op: "Gemm", in: ["x", "w", "bias"], out: ["h"] },
          { op: "Add", in: ["h", "bias"], out: ["r"] },
          { op: "Gemm", in: ["r", "last", "bias"], out: ["y"] },
        ],
        initializers: [weight("w", [16, 32]), weight("bias", [32]), weight("last", [32, 32])],
      },
    ],
  ])("%s", async (name, spec, edit, feeds = { x }) => {
    for (const [mode, options] of Object.entries({ ...MODES, float16: { mode: "float16" as const } })) {
      const model = buildModel(spec);
      edit?.(model);
      const { db } = await outcome(`${mode}-${name}`, model, feeds, options);
      expect(db, mode).toBeGreaterThan(mode === "blocks" ? 15 : 30);
    }
  });
});

describe("a model in float16", () => {
  const feeds = { x: { ...x, dtype: "float16" as const, data: float32ToFloat16(x.data as Float32Array) } };
  const throughout = () => {
    const spec = { ...twoLayers, initializers: [half("w", [16, 64]), half("last", [64, 16])] };
    const model = buildModel({ ...spec, inputs: { x: ["float16", ["n", 16]] } });
    const type = model.graph!.output[0]!.type!.value;
    if (type.case === "tensorType") type.value.elemType = TensorProto_DataType.FLOAT16;
    return model;
  };

  test.each(Object.entries(MODES))("is quantized, mode %s", async (mode, options) => {
    const { db, model, nodes } = await outcome(`throughout-${mode}`, throughout(), feeds, options);
    expect(db).toBeGreaterThan(mode === "blocks" ? 15 : 30);
    expect(nodes.filter(({ treatment }) => /int/.test(treatment)).length).toBe(2);
    expect(model.proto.graph!.initializer.map(({ dataType }) => dataType)).not.toContain(
      TensorProto_DataType.FLOAT16,
    );
  });

  it("has nothing left to do in mode float16", async () => {
    const work = outcome("already", throughout(), feeds, { mode: "float16" });
    await expect(work).rejects.toMatchObject({ code: "NOTHING_TO_QUANTIZE" });
  });

  it("between casts stays as it is in mode float16", async () => {
    const model = buildModel({
      nodes: [
        cast("x", "xh", 10),
        product("xh", "w", "h"),
        relu("h", "r"),
        product("r", "last", "yh"),
        cast("yh", "y", 1),
      ],
      initializers: [half("w", [16, 64]), half("last", [64, 16])],
      inputs,
      outputs: ["y"],
    });
    const { db } = await outcome("between", model, { x }, { mode: "float16" });
    expect(db).toBe(Number.POSITIVE_INFINITY);
  });
});

it("what reads a tensor of unknown type stays in float32 in mode float16", async () => {
  const model = buildModel({
    nodes: [
      {
        op: "FusedConv",
        domain: "com.microsoft",
        in: ["x", "k"],
        out: ["h"],
        attributes: { activation: "Relu" },
      },
      { op: "Conv", in: ["h", "k"], out: ["c"] },
      product("c", "w", "y"),
    ],
    initializers: [weight("k", [3, 3, 1, 1]), weight("w", [5, 16])],
    inputs: { x: ["n", 3, 5, 5] },
    outputs: ["y"],
  });
  const work = outcome("unknown", model, { x: randomTensor([1, 3, 5, 5], 1) }, { mode: "float16" });
  await expect(work).rejects.toThrow(/the type of its input h is not known/);
});

it("an infinite bias is an error that names it", async () => {
  const infinite = floats("bias", [16], new Float32Array(16).fill(Infinity));
  const model = buildModel({
    nodes: [
      { op: "Gemm", in: ["x", "w", "bias"], out: ["h"] },
      { op: "Clip", in: ["h", "low", "high"], out: ["y"] },
    ],
    initializers: [weight("w", [16, 16]), infinite, floats("low", [], [0]), floats("high", [], [1])],
    inputs,
    outputs: ["y"],
  });
  await expect(outcome("infinite", model, { x }, { mode: "static" })).rejects.toMatchObject({
    code: "TENSOR_INVALID",
    field: 'tensor "bias"',
  });
});
