import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { explainModel, type FindingCode } from "../lib/index.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import { buildModel, modelFile } from "./support/build-model.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { modelProcess, randomTensor } from "./support/quantize-built.js";
import { ARRAYS, conv, flat, image, Quantized } from "./support/quantized-graph.js";

const folder = temporaryFolder();
const { models } = modelProcess();

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
