import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { Graph } from "../lib/graph/graph.js";
import { explainModel, type FindingCode, quantizeModel } from "../lib/index.js";
import { whyFloat } from "../lib/lint/why-float.js";
import type { TensorProto } from "../lib/onnx/proto/onnx_pb.js";
import { openModel } from "../lib/onnx/read.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import { buildModel, floats, type GraphSpec, modelFile, type NodeSpec } from "./support/build-model.js";
import { calibrationSamples, carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { modelProcess, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { models } = modelProcess();

type Stored = "uint8" | "int8" | "uint16";
const ARRAYS = { uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array, int32: Int32Array } as const;

/** A graph that grows by quantized tensors, as any tool writes them. */
class Quantized {
  readonly nodes: NodeSpec[] = [];
  readonly initializers: TensorProto[] = [];

  /** Rounds a tensor to integers and back under another name. */
  pair(tensor: string, name: string, dtype: Stored = "uint8", scales: number[] = [0.02], zero = 3): this {
    const parameters = [`${name}_s`, `${name}_z`];
    this.parameters(name, dtype, scales, zero);
    const axis = scales.length > 1 ? { attributes: { axis: 1 } } : {};
    this.nodes.push(
      { op: "QuantizeLinear", in: [tensor, ...parameters], out: [`${name}_q`], ...axis },
      { op: "DequantizeLinear", in: [`${name}_q`, ...parameters], out: [name], ...axis },
    );
    return this;
  }

  /** Stored integers and what brings them back. */
  stored(name: string, shape: number[], dtype: Stored | "int32" = "int8", value = 1): this {
    const count = shape.reduce((a, b) => a * b, 1);
    this.parameters(name, dtype, [dtype === "int32" ? 0.0002 : 0.01], 0);
    this.initializers.push(encodeTensor(`${name}_q`, dtype, shape, new ARRAYS[dtype](count).fill(value)));
    this.nodes.push({ op: "DequantizeLinear", in: [`${name}_q`, `${name}_s`, `${name}_z`], out: [name] });
    return this;
  }

  node(op: string, inputs: string[], output: string, attributes: NodeSpec["attributes"] = {}): this {
    this.nodes.push({
      op,
      name: op === "Tanh" || op === "Nonsense" ? "other" : "it",
      in: inputs,
      out: [output],
      attributes,
    });
    return this;
  }

  model(inputs: GraphSpec["inputs"], outputs: string[], opset = 17) {
    return buildModel(
      { nodes: this.nodes, initializers: this.initializers, inputs: inputs!, outputs },
      opset,
    );
  }

  private parameters(name: string, dtype: Stored | "int32", scales: number[], zero: number): void {
    const shape = scales.length > 1 ? [scales.length] : [];
    const zeros = new ARRAYS[dtype](scales.length).fill(zero);
    this.initializers.push(
      floats(`${name}_s`, shape, scales),
      encodeTensor(`${name}_z`, dtype, shape, zeros),
    );
  }
}

const image = { x: [1, 3, 4, 4] };
const conv = (bias: string[] = []) =>
  new Quantized()
    .pair("x", "xd")
    .stored("w", [4, 3, 1, 1])
    .node("Conv", ["xd", "w", ...bias], "y");
const product = (op: "MatMul" | "Gemm", inputs: string[] = []) =>
  new Quantized()
    .pair("x", "xd")
    .stored("w", [8, 8])
    .node(op, ["xd", "w", ...inputs], "y");
const flat = { x: [8, 8] };

describe("what the rules say is what onnxruntime does", () => {
  test.each<[string, ReturnType<typeof buildModel>, string, RegExp | undefined]>([
    ["Conv", conv().pair("y", "yd").model(image, ["yd"]), "QLinearConv", undefined],
    [
      "Conv with int8 activations",
      conv().pair("y", "yd", "int8").model(image, ["yd"]),
      "QLinearConv",
      undefined,
    ],
    ["Conv that ends in float", conv().model(image, ["y"]), "Conv", /its output y is not quantized/],
    [
      "Conv with a second reader",
      conv().pair("y", "yd").node("Tanh", ["y"], "t").model(image, ["yd", "t"]),
      "Conv",
      /y is read in float as well/,
    ],
    [
      "Conv that is an output as well",
      conv().pair("y", "yd").model(image, ["yd", "y"]),
      "Conv",
      /y is an output of the model as well/,
    ],
    [
      "Conv of 16 bits",
      new Quantized()
        .pair("x", "xd", "uint16")
        .stored("w", [4, 3, 1, 1])
        .node("Conv", ["xd", "w"], "y")
        .pair("y", "yd", "uint16")
        .model(image, ["yd"], 21),
      "Conv",
      /xd is not of 8 bits/,
    ],
    [
      "ConvTranspose",
      new Quantized()
        .pair("x", "xd")
        .stored("w", [3, 4, 1, 1])
        .node("ConvTranspose", ["xd", "w"], "y")
        .pair("y", "yd")
        .model(image, ["yd"]),
      "ConvTranspose",
      /no integer ConvTranspose/,
    ],
    ["MatMul", product("MatMul").pair("y", "yd").model(flat, ["yd"]), "QLinearMatMul", undefined],
    ["MatMul that ends in float", product("MatMul").model(flat, ["y"]), "MatMulIntegerToFloat", undefined],
    [
      "MatMul with a second reader",
      product("MatMul").pair("y", "yd").node("Tanh", ["y"], "t").model(flat, ["yd", "t"]),
      "MatMul",
      /y is read in float as well/,
    ],
    ["Gemm that ends in float", product("Gemm").model(flat, ["y"]), "QGemm", undefined],
    [
      "Gemm with a float bias that ends in float",
      (() => {
        const gemm = product("Gemm", ["b"]);
        gemm.initializers.push(floats("b", [8], new Float32Array(8)));
        return gemm.model(flat, ["y"]);
      })(),
      "Gemm",
      /its bias is in float/,
    ],
    [
      "Gemm with a bias of int32",
      new Quantized()
        .pair("x", "xd")
        .stored("w", [8, 8])
        .stored("b", [8], "int32")
        .node("Gemm", ["xd", "w", "b"], "y")
        .model(flat, ["y"]),
      "QGemm",
      undefined,
    ],
    [
      "Add of two quantized tensors",
      new Quantized()
        .pair("x", "xd")
        .pair("z", "zd")
        .node("Add", ["xd", "zd"], "y")
        .pair("y", "yd")
        .model({ ...flat, z: [8, 8] }, ["yd"]),
      "QLinearAdd",
      undefined,
    ],
    [
      "Add with one in float",
      new Quantized()
        .pair("x", "xd")
        .node("Add", ["xd", "z"], "y")
        .pair("y", "yd")
        .model({ ...flat, z: [8, 8] }, ["yd"]),
      "Add",
      /its input z is not quantized/,
    ],
    [
      "Tanh, of which there is no integer form",
      new Quantized().pair("x", "xd").node("Tanh", ["xd"], "y").pair("y", "yd").model(flat, ["yd"]),
      "Tanh",
      /no integer Tanh/,
    ],
    [
      "Transpose",
      new Quantized().pair("x", "xd").node("Transpose", ["xd"], "y").pair("y", "yd").model(flat, ["yd"]),
      "Transpose",
      undefined,
    ],
    [
      "Transpose to another scale",
      new Quantized()
        .pair("x", "xd")
        .node("Transpose", ["xd"], "y")
        .pair("y", "yd", "uint8", [0.05])
        .model(flat, ["yd"]),
      "Transpose",
      /another scale or zero point/,
    ],
    [
      "Transpose of 16 bits",
      new Quantized()
        .pair("x", "xd", "uint16")
        .node("Transpose", ["xd"], "y")
        .pair("y", "yd", "uint16")
        .model(flat, ["yd"], 21),
      "Transpose",
      undefined,
    ],
  ])("%s", async (name, model, kernel, why) => {
    const path = join(folder, `${name.replaceAll(" ", "-")}.onnx`);
    writeFileSync(path, modelFile(model));
    const { nodes, runtime } = await explainModel(path, { target: "cpu-vnni" });
    expect(runtime).toMatchObject({ measured: true, error: undefined });
    const id = name.startsWith("Tanh") ? "other" : "it";
    const node = nodes.find((each) => each.name === id)!;
    expect(node.kernel).toBe(kernel);
    expect(node.run === "float").toBe(why !== undefined);
    expect(node.why).toMatch(why ?? /^$/);
    // Without onnxruntime the rules alone must say the same.
    const graph = new Graph(openModel(model));
    const predicted = whyFloat(graph, graph.allNodes().find((each) => each.name === id)!);
    expect(predicted ?? "").toMatch(why ?? /^$/);
  });
});

function codes(findings: { code: FindingCode }[]): FindingCode[] {
  return findings.map(({ code }) => code);
}

describe("findings", () => {
  async function explain(name: string, model: ReturnType<typeof buildModel>, options = {}) {
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, modelFile(model));
    return explainModel(path, { target: "cpu-vnni", ...options });
  }

  const integerConv = (dtype: "int8" | "uint8") =>
    buildModel({
      nodes: [
        { op: "DynamicQuantizeLinear", in: ["x"], out: ["q", "s", "z"] },
        { op: "ConvInteger", name: "slow", in: ["q", "w", "z"], out: ["p"] },
        { op: "Cast", in: ["p"], out: ["y"], attributes: { to: 1 } },
      ],
      initializers: [encodeTensor("w", dtype, [4, 3, 1, 1], new ARRAYS[dtype](12).fill(1))],
      inputs: image,
      outputs: ["y"],
    });

  test.each([
    ["int8", "1.23.2", ["INT8_CONV_INTEGER", "CONV_INTEGER_SLOW"]],
    ["int8", "1.24.1", ["CONV_INTEGER_SLOW"]],
    ["uint8", "1.20.1", ["CONV_INTEGER_SLOW"]],
  ] as const)("ConvInteger of %s weights on onnxruntime %s", async (dtype, runtimeVersion, expected) => {
    const { findings, runtime } = await explain(`convinteger-${dtype}`, integerConv(dtype), {
      runtimeVersion,
    });
    expect(runtime.version).toBe(runtimeVersion);
    expect(codes(findings)).toEqual(expect.arrayContaining([...expected]));
    expect(codes(findings).includes("INT8_CONV_INTEGER")).toBe(expected.length === 2);
    expect(findings.find(({ code }) => code === "CONV_INTEGER_SLOW")!.where).toEqual(["slow"]);
  });

  test.each([
    [21, "1.20", false],
    [22, "1.20", true],
    [23, "1.22.0", true],
    [23, "1.23.2", false],
    [25, "1.24", false],
    [26, "1.24.3", true],
    [26, "1.25.1", false],
  ])("opset %i on onnxruntime %s: too new is %s", async (opset, runtimeVersion, tooNew) => {
    const model = conv().pair("y", "yd").model(image, ["yd"], opset);
    const { findings } = await explain("opset", model, { runtimeVersion });
    expect(codes(findings).includes("OPSET_TOO_NEW")).toBe(tooNew);
  });

  test.each([
    [64, "cpu-avx2", false],
    [65, "cpu-avx2", true],
    [-128, "cpu-avx2", true],
    [127, "cpu-vnni", false],
  ] as const)("weights of %i on %s: overflow is %s", async (value, target, overflows) => {
    const model = new Quantized()
      .pair("x", "xd")
      .stored("w", [8, 8], "int8", value)
      .node("MatMul", ["xd", "w"], "y")
      .model(flat, ["y"]);
    const { findings } = await explain("saturation", model, { target });
    expect(codes(findings)).toEqual(overflows ? ["SATURATION"] : []);
    if (overflows) expect(findings[0]).toMatchObject({ severity: "error", where: ["it"] });
  });

  it("a convolution that onnxruntime fuses and then cannot run", async () => {
    const channels = new Quantized()
      .pair("x", "xd", "uint8", [0.02, 0.03, 0.04])
      .stored("w", [4, 3, 1, 1])
      .node("Conv", ["xd", "w"], "y")
      .pair("y", "yd");
    const { findings } = await explain("channels", channels.model(image, ["yd"]));
    expect(findings).toContainEqual(
      expect.objectContaining({ severity: "error", code: "PER_CHANNEL_ACTIVATION", where: ["it"] }),
    );
    const session = await models().load(join(folder, "channels.onnx"));
    await expect(session.run({ x: randomTensor([1, 3, 4, 4], 1) })).rejects.toThrow(/QLinearConv/);
  });

  it("TensorRT takes no asymmetric types and no integer operators", async () => {
    const asymmetric = await explain("asymmetric", conv().pair("y", "yd").model(image, ["yd"]), {
      target: "gpu-tensorrt",
    });
    expect(codes(asymmetric.findings)).toContain("ASYMMETRIC");
    const dynamic = await explain("foreign", integerConv("uint8"), { target: "gpu-tensorrt" });
    const { where } = dynamic.findings.find(({ code }) => code === "NOT_ON_PROVIDER")!;
    expect(where).toEqual(["q", "slow"]);
  });

  it("says what is slow: products in float, weights brought back in each run, pairs for nothing", async () => {
    const model = new Quantized()
      .pair("x", "xd")
      .stored("w", [64, 64])
      .node("MatMul", ["xd", "w"], "y")
      .pair("y", "yd")
      .node("Tanh", ["y"], "t")
      .model({ x: [8, 64] }, ["yd", "t"]);
    const { findings, pairs } = await explain("slow", model);
    const named = Object.fromEntries(findings.map(({ code, where }) => [code, where]));
    expect(named).toMatchObject({
      HEAVY_NODES_IN_FLOAT: ["it"],
      UNFUSED: ["it"],
      PAIR_LEFT: ["x", "y"],
      WEIGHT_RESTORED_EVERY_RUN: ["w_q"],
    });
    expect(named.CONVERSIONS_OUTWEIGH).toHaveLength(5);
    expect(pairs).toMatchObject([
      {
        tensor: "x",
        maker: undefined,
        readers: ["it"],
        why: expect.stringMatching(/^MatMul: its output y is read/),
      },
      { tensor: "y", maker: "it", readers: [], why: "the model hands it out in float" },
    ]);
  });

  it("a model that onnxruntime does not load is judged by the rules, with its error", async () => {
    const model = conv().pair("y", "yd").node("Nonsense", ["yd"], "n").model(image, ["n"]);
    const { runtime, nodes } = await explain("refused", model);
    expect(runtime.measured).toBe(false);
    expect(runtime.error).toMatch(/Nonsense/);
    expect(nodes.find(({ opType }) => opType === "Conv")).toMatchObject({
      run: "integer",
      kernel: "QLinearConv",
    });
  });
});

test.each([
  ["target", { target: "tpu" as "web" }],
  ["runtimeVersion", { runtimeVersion: "newest" }],
  ["runtimeVersion", { runtimeVersion: "1.19.2" }],
])("an unknown %s is an error that names it: %o", async (name, options) => {
  await expect(explainModel(carried("digits_cnn.onnx"), options)).rejects.toThrow(
    expect.objectContaining({ name: "RangeError", message: expect.stringContaining(`for ${name} but`) }),
  );
});

describe("whole models", () => {
  it("shapes that are computed are told from values, though both pass Concat", async () => {
    const model = buildModel({
      nodes: [
        { op: "Shape", name: "shape", in: ["x"], out: ["s"] },
        { op: "Gather", name: "rows", in: ["s", "first"], out: ["n"] },
        { op: "Mul", name: "double", in: ["n", "two"], out: ["m"] },
        { op: "Concat", name: "sizes", in: ["m", "rest"], out: ["to"], attributes: { axis: 0 } },
        { op: "Concat", name: "values", in: ["x", "x"], out: ["c"], attributes: { axis: 0 } },
        { op: "Expand", name: "expand", in: ["c", "to"], out: ["y"] },
      ],
      initializers: [
        encodeTensor("first", "int64", [1], BigInt64Array.of(0n)),
        encodeTensor("two", "int64", [1], BigInt64Array.of(2n)),
        encodeTensor("rest", "int64", [1], BigInt64Array.of(8n)),
      ],
      inputs: { x: ["n", 8] },
      outputs: ["y"],
    });
    const path = join(folder, "shapes.onnx");
    writeFileSync(path, modelFile(model));
    const { nodes } = await explainModel(path);
    const runs = Object.fromEntries(nodes.map(({ name, run }) => [name, run]));
    expect(runs).toEqual({
      shape: "index",
      rows: "index",
      double: "index",
      sizes: "index",
      values: "float",
      expand: "float",
    });
  });

  it("of a float model says what quantizing would do", async () => {
    const { nodes, findings } = await explainModel(carried("digits_vit.onnx"));
    const why = (opType: string) => nodes.filter((node) => node.opType === opType).map((node) => node.why);
    expect(why("Conv")).toEqual(["would run in integers when quantized statically"]);
    expect(new Set(why("MatMul"))).toEqual(
      new Set([
        "would run in integers when quantized statically or dynamically",
        "would run in integers when quantized statically (it multiplies two activations)",
      ]),
    );
    expect(why("LayerNormalization").at(-1)).toBe("onnxruntime has no integer LayerNormalization");
    expect(codes(findings)).toEqual(["CONV_INTEGER_SLOW"]);
  });

  test.each([
    ["qdq", "static"],
    ["qoperator", "static"],
    ["qdq", "dynamic"],
  ] as const)("%s %s of modelpress leaves no product in float", async (format, mode) => {
    const output = join(folder, `${format}-${mode}.onnx`);
    const data = calibrationSamples().slice(0, 8);
    await quantizeModel(carried("digits_vit.onnx"), { output, format, mode, data, target: "cpu-vnni" });
    const { nodes, findings, pairs } = await explainModel(output, { target: "cpu-vnni" });
    const heavy = nodes.filter(({ opType, run }) => /MatMul|Gemm|Conv$/.test(opType) && run === "float");
    // Of 32 products in dynamic mode the 8 of two activations stay.
    expect(heavy.map(({ opType }) => opType)).toEqual(mode === "dynamic" ? Array(8).fill("MatMul") : []);
    const slow = findings.find(({ code }) => code === "HEAVY_NODES_IN_FLOAT");
    expect(slow?.message).toBe(
      mode === "dynamic" ? "8 of 34 products and convolutions run in float" : undefined,
    );
    expect(pairs).toEqual([]);
    // What is around an integer product belongs to it, and is counted once.
    const kernels = nodes.filter(({ run }) => run === "integer").length;
    expect(kernels).toBe(mode === "dynamic" ? 26 : 34);
    expect(codes(findings)).not.toContain("WEIGHT_RESTORED_EVERY_RUN");
  });
});
