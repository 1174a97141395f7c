import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { describe, expect, it, test } from "vitest";
import { dropInitializerInputs } from "../lib/graph/drop-initializer-inputs.js";
import {
  float16ToFloat32,
  float32ToFloat16,
  pruneModel,
  quantizeModel,
  writeSafetensors,
} from "../lib/index.js";
import { type ModelProto, SparseTensorProtoSchema, TensorProto_DataType } from "../lib/onnx/proto/onnx_pb.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import { graphsOf } from "../lib/onnx/walk.js";
import type { Tensor } from "../lib/tensor.js";
import { buildGraph, buildModel, floats, type GraphSpec, modelFile } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { modelProcess, quantizeBuilt, randomTensor, sqnrDb } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();

const weight = (name: string, shape: number[]) =>
  floats(name, shape, randomTensor(shape, name.length, 0.5).data as Float32Array);

/** Two products with a Relu between them. */
const twoLayers: GraphSpec = {
  nodes: [
    { op: "MatMul", in: ["x", "w"], out: ["h"] },
    { op: "Relu", in: ["h"], out: ["r"] },
    { op: "MatMul", in: ["r", "last"], out: ["y"] },
  ],
  initializers: [weight("w", [16, 64]), weight("last", [64, 16])],
  inputs: { x: ["n", 16] },
  outputs: ["y"],
};
const x = randomTensor([4, 16], 5);

/** Names of inputs, initializers, nodes and their outputs, in all graphs. */
function namesOf(model: ModelProto): string[] {
  return [...graphsOf(model)].flatMap(({ input, initializer, node }) => [
    ...[...input, ...initializer, ...node].map(({ name }) => name).filter((name) => name !== ""),
    ...node.flatMap(({ output }) => output).filter((name) => name !== ""),
  ]);
}

describe("a model of IR version 3, whose initializers are inputs", () => {
  const old = () => {
    const inputs = { ...twoLayers.inputs, w: [16, 64], last: [64, 16] };
    const model = buildModel({ ...twoLayers, inputs }, 8);
    model.irVersion = 3n;
    return model;
  };

  test.each(["static", "dynamic", "weights", "float16"] as const)(
    "comes out in one in which they need not be, mode %s",
    async (mode) => {
      const data = mode === "static" ? [{ x }] : [];
      const { model, input, output } = await quantizeBuilt(folder, `ir3-${mode}`, old(), data, { mode });
      expect(model.proto.irVersion).toBe(4n);
      expect(model.proto.graph!.input.map(({ name }) => name)).toEqual(["x"]);
      expect(sqnrDb(await run(input, { x }), await run(output, { x }))).toBeGreaterThan(30);
    },
  );

  it("does so when a repair after pruning stores another bias", async () => {
    const inputs = { ...twoLayers.inputs, w: [16, 64], b: [64] };
    const nodes = [{ op: "Gemm", in: ["x", "w", "b"], out: ["y"] }];
    const initializers = [weight("w", [16, 64]), weight("b", [64])];
    const model = buildModel({ nodes, initializers, inputs, outputs: ["y"] }, 8);
    model.irVersion = 3n;
    const data = [{ feeds: { x } }];
    const pruned = await pruneModel(modelFile(model), { sparsity: 0.5, data, repair: ["bias"] });
    const { irVersion, graph } = pruned.model!.proto;
    expect(graph!.initializer.map(({ name }) => name)).toContain("b_corrected");
    expect(irVersion).toBe(4n);
    expect(graph!.input.map(({ name }) => name)).toEqual(["x"]);
  });

  it("keeps inputs that have values of their own in a later version", () => {
    const model = old();
    model.irVersion = 4n;
    dropInitializerInputs(model);
    expect(model.graph!.input.map(({ name }) => name)).toEqual(["x", "w", "last"]);
  });
});

it("what an upgrade adds to a graph and to a subgraph has names of its own", async () => {
  const softmax = { op: "Softmax", in: ["h"], out: ["s"], attributes: { axis: 1 } };
  const inner = (output: string) =>
    buildGraph({
      nodes: [{ op: "Softmax", in: ["h"], out: [output], attributes: { axis: 1 } }],
      outputs: [output],
    });
  const model = buildModel(
    {
      nodes: [
        { op: "Conv", in: ["x", "w"], out: ["h"] },
        softmax,
        { op: "If", in: ["c"], out: ["i"], attributes: { then_branch: inner("a"), else_branch: inner("b") } },
        { op: "Add", in: ["s", "i"], out: ["y"] },
      ],
      initializers: [weight("w", [8, 3, 4, 4]), encodeTensor("c", "bool", [], Uint8Array.of(1))],
      inputs: { x: [1, 3, 6, 6] },
      outputs: ["y"],
    },
    11,
  );
  const feeds = { x: randomTensor([1, 3, 6, 6], 3) };
  const result = await quantizeBuilt(folder, "softmax", model, [], { mode: "dynamic", prepare: false });
  const names = namesOf(result.model.proto);
  expect(names.length).toBe(new Set(names).size);
  expect(sqnrDb(await run(result.input, feeds), await run(result.output, feeds))).toBeGreaterThan(30);
});

it("the outputs of a Loop have the types of its body, in mode float16", async () => {
  const body = buildGraph({
    nodes: [
      { op: "MatMul", in: ["state", "inner"], out: ["product"] },
      { op: "Tanh", in: ["product"], out: ["next"] },
      { op: "Identity", in: ["go"], out: ["on"] },
    ],
    initializers: [weight("inner", [16, 16])],
    inputs: { i: ["int64", []], go: ["bool", []], state: ["n", 16] },
    outputs: ["on", "next"],
  });
  const type = body.output[0]!.type!.value;
  if (type.case === "tensorType") type.value.elemType = TensorProto_DataType.BOOL;
  const model = buildModel({
    nodes: [
      { op: "MatMul", in: ["x", "w"], out: ["h"] },
      { op: "Loop", in: ["trips", "true", "h"], out: ["state_out"], attributes: { body } },
      { op: "Concat", in: ["state_out", "state_out"], out: ["y"], attributes: { axis: 1 } },
    ],
    initializers: [
      weight("w", [16, 16]),
      encodeTensor("trips", "int64", [], BigInt64Array.of(3n)),
      encodeTensor("true", "bool", [], Uint8Array.of(1)),
    ],
    inputs: { x: ["n", 16] },
    outputs: ["y"],
  });
  const { input, output } = await quantizeBuilt(folder, "loop", model, [], {
    mode: "float16",
    keepIo: false,
  });
  const half: Tensor = { ...x, dtype: "float16", data: float32ToFloat16(x.data as Float32Array) };
  const { y } = await run(output, { x: half });
  const got = { ...y!, dtype: "float32", data: float16ToFloat32(y!.data as Uint16Array) } as const;
  expect(sqnrDb(await run(input, { x }), { y: got })).toBeGreaterThan(40);
});

it("a Transpose that onnxruntime dies of in float16 stays in float32", async () => {
  const model = buildModel({
    nodes: [
      { op: "Transpose", in: ["x"], out: ["t"], attributes: { perm: [1, 0, 2] } },
      { op: "MatMul", in: ["t", "w"], out: ["y"] },
    ],
    initializers: [weight("w", [16, 64])],
    inputs: { x: ["n", 3, 16] },
    outputs: ["y"],
  });
  const { input, output, nodes } = await quantizeBuilt(folder, "transpose", model, [], { mode: "float16" });
  const feeds = { x: randomTensor([2, 3, 16], 5) };
  expect(sqnrDb(await run(input, feeds), await run(output, feeds))).toBeGreaterThan(50);
  expect(nodes.map(({ opType, treatment }) => [opType, treatment])).toEqual([
    ["Transpose", "float"],
    ["MatMul", "float16"],
  ]);
});

it("weights in float16 that onnxruntime has not brought to float32 are told, not equalized", async () => {
  const half = (name: string, shape: number[]) =>
    encodeTensor(name, "float16", shape, float32ToFloat16(randomTensor(shape, 3).data as Float32Array));
  const model = buildModel({
    nodes: [
      { op: "Conv", in: ["x", "w"], out: ["h"] },
      { op: "Relu", in: ["h"], out: ["r"] },
      { op: "Conv", in: ["r", "last"], out: ["y"] },
    ],
    initializers: [half("w", [8, 3, 3, 3]), half("last", [4, 8, 3, 3])],
    inputs: { x: ["float16", ["n", 3, 8, 8]] },
    outputs: ["y"],
  });
  await expect(
    quantizeModel(modelFile(model), { mode: "dynamic", prepare: false, equalize: true }),
  ).rejects.toMatchObject({
    code: "NOTHING_TO_QUANTIZE",
    message: expect.stringContaining("h: its input is not float32"),
  });
});

it("a sparse initializer is refused by name", async () => {
  const model = buildModel({ ...twoLayers, initializers: [weight("last", [64, 16])] });
  model.graph!.sparseInitializer.push(
    create(SparseTensorProtoSchema, {
      values: floats("w", [2], [1, -1]),
      indices: encodeTensor("indices", "int64", [2], BigInt64Array.of(0n, 100n)),
      dims: [16n, 64n],
    }),
  );
  await expect(quantizeModel(modelFile(model), { mode: "dynamic" })).rejects.toMatchObject({
    code: "UNSUPPORTED_MODEL",
    message: 'the model: initializer "w" is stored sparse; store it dense first',
  });
});

it("a file of samples fits an input whose rank the model does not tell", async () => {
  const model = buildModel(twoLayers);
  const type = model.graph!.input[0]!.type!.value;
  if (type.case === "tensorType") delete type.value.shape;
  const input = join(folder, "rank.onnx");
  writeFileSync(input, modelFile(model));
  const data = join(folder, "rank.safetensors");
  await writeSafetensors(data, new Map([["x", x]]));
  const { samples } = await quantizeModel(input, { data });
  expect(samples).toBe(4);
});

it("weights that are too small to gain are told from none", async () => {
  const model = buildModel({ ...twoLayers, initializers: [weight("w", [16, 4]), weight("last", [4, 16])] });
  await expect(quantizeModel(modelFile(model), { mode: "weights" })).rejects.toThrow(
    "the model: it has no float32 weight of 1024 bytes or more, and no layer that this mode quantizes",
  );
});
