import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { detectTarget } from "../lib/compress/detect-target.js";
import type { QuantizeOptions } from "../lib/compress/options.js";
import type { Target } from "../lib/compress/target.js";
import { inspectModel, quantizeModel, type Tensor } from "../lib/index.js";
import type { OnnxModel } from "../lib/onnx/read.js";
import { buildModel, floats, type GraphSpec, modelFile } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { largestError, modelProcess, quantizeBuilt, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();

const weight = (name: string, shape: number[], seed: number) =>
  floats(name, shape, randomTensor(shape, seed).data as Float32Array);

/** Down by a convolution, up again by a transposed one, and a product. */
const spec: GraphSpec = {
  nodes: [
    {
      op: "Conv",
      name: "down",
      in: ["x", "k", "kb"],
      out: ["c"],
      attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    },
    { op: "Relu", in: ["c"], out: ["r"] },
    {
      op: "ConvTranspose",
      name: "up",
      in: ["r", "u", "ub"],
      out: ["t"],
      attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    },
    { op: "Tanh", in: ["t"], out: ["h"] },
    { op: "MatMul", name: "mul", in: ["h", "w"], out: ["y"] },
  ],
  initializers: [
    weight("k", [4, 3, 2, 2], 1),
    weight("kb", [4], 2),
    weight("u", [4, 3, 2, 2], 3),
    weight("ub", [3], 4),
    weight("w", [8, 8], 5),
  ],
  inputs: { x: ["n", 3, 8, 8] },
  outputs: ["y"],
};
const model = buildModel(spec);
const samples = [1, 2, 3, 4].map((seed) => ({ x: randomTensor([1, 3, 8, 8], seed) }));
const [sample] = samples as [{ x: Tensor }];

function build(name: string, options: QuantizeOptions) {
  return quantizeBuilt(folder, name, model, samples, options);
}

function int8Weights({ tensors }: OnnxModel): Int8Array[] {
  return [...tensors.values()]
    .filter(({ dtype, shape }) => dtype === "int8" && shape.length > 1)
    .map(({ data }) => data as Int8Array);
}

/** The zero point that a tensor is quantized with. */
function zeroPointOf({ proto, tensors }: OnnxModel, tensor: string): Tensor | undefined {
  const quantizer = proto.graph!.node.find(
    ({ opType, input }) => opType === "QuantizeLinear" && input[0] === tensor,
  );
  return tensors.get(quantizer?.input[2] ?? "");
}

describe("targets", () => {
  const plain = {
    activations: "uint8",
    weights: "int8",
    symmetric: false,
    reduceRange: false,
    quantizeBias: true,
  };
  test.each<[Target, object]>([
    ["cpu-vnni", plain],
    ["cpu-avx2", { ...plain, reduceRange: true }],
    ["cpu-arm", { ...plain, activations: "int8" }],
    ["gpu-tensorrt", { ...plain, activations: "int8", symmetric: true, quantizeBias: false }],
    ["web", plain],
  ])("%s sets its types and ranges, and the model answers as before", async (target, settings) => {
    const { input, output, settings: used } = await build(target, { target });
    expect(used).toMatchObject({ target, ...settings, perChannel: true, format: "qdq" });
    const [want, got] = [await run(input, sample), await run(output, sample)];
    expect(largestError(want.y!, got.y!)).toBeLessThan(target === "cpu-avx2" ? 0.2 : 0.1);
  });

  it("without VNNI no sum of two products passes 16 bits, in static and dynamic mode", async () => {
    for (const mode of ["static", "dynamic"] as const) {
      const { model: result } = await build(`avx2-${mode}`, {
        target: "cpu-avx2",
        mode,
        excludeOpTypes: ["Conv"],
      });
      const weights = int8Weights(result);
      expect(weights.length).toBeGreaterThan(0);
      const largest = Math.max(...weights.flatMap((values) => [...values].map(Math.abs)));
      expect(largest).toBe(64);
      expect(2 * 255 * largest).toBeLessThanOrEqual(32767);
    }
  });

  it("for TensorRT every zero point is 0, biases are float and ConvTranspose is quantized", async () => {
    const { model: result, nodes } = await build("trt", { target: "gpu-tensorrt" });
    for (const name of ["x", "r", "h"])
      expect(zeroPointOf(result, name)).toMatchObject({ dtype: "int8", data: Int8Array.of(0) });
    const stored = result.proto.graph!.node.filter(
      ({ opType, input }) => opType === "DequantizeLinear" && result.tensors.has(input[0]!),
    );
    // Weights of convolutions whose zero points are 0 do without.
    expect(stored.map(({ input }) => input.slice(2))).toEqual([[], [], ["int8_0_x8"]]);
    expect(result.tensors.get("kb")!.dtype).toBe("float32");
    expect(result.tensors.get("u_scale")!.shape).toEqual([3]);
    expect(nodes).toContainEqual(expect.objectContaining({ name: "up", treatment: "int8" }));
    const quantized = result.proto.graph!.node.filter(({ opType }) => opType === "QuantizeLinear");
    // r, not c: the Relu belongs to the convolution before it.
    expect(quantized.map(({ input }) => input[0])).toEqual(["x", "r", "h"]);
  });

  it("is this machine's processor by default", async () => {
    const target = detectTarget();
    const { settings } = await quantizeModel(modelFile(model), { mode: "dynamic" });
    expect(settings.target).toBe(target);
    if (process.arch === "arm64") expect(target).toBe("cpu-arm");
    else if (existsSync("/proc/cpuinfo")) {
      const vnni = /\b(avx512_vnni|avx_vnni)\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
      expect(target).toBe(vnni ? "cpu-vnni" : "cpu-avx2");
    }
  });

  it("gives way to what is asked for by name", async () => {
    const { settings } = await build("asked", { target: "cpu-avx2", reduceRange: false, symmetric: true });
    expect(settings).toMatchObject({ target: "cpu-avx2", reduceRange: false, symmetric: true });
    const unsigned = await build("unsigned", { target: "cpu-arm", weights: "uint8" });
    expect(unsigned.settings).toMatchObject({ activations: "uint8", weights: "uint8" });
  });
});

test.each<[QuantizeOptions, RegExp]>([
  [{ target: "cpu-avx2", reduceRange: false }, /overflow on x64 processors without VNNI/],
  [{ target: "gpu-tensorrt", mode: "dynamic" }, /TensorRT has no dynamic int8/],
  [{ target: "gpu-tensorrt", symmetric: false }, /symmetric int8 in the qdq format only/],
  [{ target: "gpu-tensorrt", format: "qoperator" }, /symmetric int8 in the qdq format only/],
  [{ target: "cpu-vnni", activations: "uint16" }, /computes in float/],
])("%o is done, with a warning", async (options, warning) => {
  const { warnings } = await build("warned", { excludeOpTypes: ["Conv"], ...options });
  expect(warnings.join()).toMatch(warning);
});

describe("activations of 16 bits", () => {
  test.each(["uint16", "int16"] as const)("%s have finer steps, in operator set 21", async (activations) => {
    const opTypes = ["MatMul", "Conv"];
    const wide = await build(activations, { activations, opTypes });
    const narrow = await build(`${activations}-narrow`, { opTypes, calibrate: "minmax" });
    expect(inspectModel(wide.output).opsets).toEqual({ "": 21 });
    expect(zeroPointOf(wide.model, "x")!.dtype).toBe(activations);
    expect(wide.ranges.x!.scale).toBeLessThan(narrow.ranges.x!.scale / 200);
    const want = (await run(wide.input, sample)).y!;
    const errors = [wide, narrow].map(async ({ output }) =>
      largestError(want, (await run(output, sample)).y!),
    );
    const [wideError, narrowError] = await Promise.all(errors);
    expect(wideError).toBeLessThan(narrowError!);
  });

  it("go through onnxruntime's own QuantizeLinear where the model cannot be brought to that set", async () => {
    const nodes = [...spec.nodes, { op: "MeanVarianceNormalization", in: ["y"], out: ["z"] }];
    const old = buildModel({ ...spec, nodes, outputs: ["z"] });
    const { input, output } = await quantizeBuilt(folder, "old", old, samples, {
      activations: "uint16",
      overrides: { h: { dtype: "int8" } },
    });
    const { ops, opsets } = inspectModel(output);
    expect(opsets).toEqual({ "": 17, "com.microsoft": 1 });
    expect(ops).toMatchObject({ "com.microsoft.QuantizeLinear": 2, QuantizeLinear: 1 });
    expect(largestError((await run(input, sample)).z!, (await run(output, sample)).z!)).toBeLessThan(0.1);
  });

  it("have no integer operators", async () => {
    const error = await build("refused", { activations: "uint16", format: "qoperator" }).catch((e) => e);
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toMatch(/^Expected qdq .* for format/);
  });
});

describe("overrides by tensor name", () => {
  it("set range, type and symmetry of one activation", async () => {
    const { ranges, model: result } = await build("one", {
      overrides: { x: { min: -3, max: 5 }, h: { dtype: "int8", symmetric: true } },
    });
    expect(ranges.x).toMatchObject({ min: -3, max: 5, scale: Math.fround(8 / 255), zeroPoint: 96 });
    expect(ranges.h).toMatchObject({ dtype: "int8", zeroPoint: 0 });
    expect(zeroPointOf(result, "h")!.dtype).toBe("int8");
  });

  it("a Relu stays where the range does not end with it", async () => {
    for (const options of [{ symmetric: true }, { overrides: { r: { min: -1, max: 4 } } }]) {
      const opTypes = ["Conv", "ConvTranspose", "MatMul"];
      const { nodes, input, output, ranges } = await build("relu", { ...options, opTypes });
      // Of what the convolution makes, what the Relu cuts needs no steps.
      expect(new Set(Object.keys(ranges))).toEqual(new Set(["x", "r", "h"]));
      expect(nodes.filter(({ treatment }) => treatment === "merged")).toEqual([]);
      expect(largestError((await run(input, sample)).y!, (await run(output, sample)).y!)).toBeLessThan(0.2);
    }
  });

  test.each([
    ["an activation", "h", ["mul"]],
    ["a weight", "w", ["mul"]],
    ["the input of the first node", "x", ["down"]],
  ])("float for %s leaves its readers and its maker in float", async (_, tensor, kept) => {
    const { nodes, model: result } = await build(`float-${tensor}`, { overrides: { [tensor]: "float" } });
    const float = nodes.filter(({ treatment }) => treatment === "float");
    expect(float.map(({ name }) => name)).toEqual(kept);
    expect(float[0]!.reason).toBe(`${tensor} is to stay in float`);
    expect([...result.tensors.keys()].filter((name) => name.startsWith(`${tensor}_`))).toEqual([]);
  });

  it("those of tensors without a scale of their own are told", async () => {
    const { warnings } = await build("unused", {
      overrides: { y: { min: 0, max: 1 }, h: { min: -1, max: 1 } },
    });
    expect(warnings).toContain("overrides without effect: y is not quantized");
  });

  test.each<[string, QuantizeOptions["overrides"], RegExp]>([
    [
      "an unknown field",
      { x: { mn: 1 } as object },
      /"float" or \{ min, .* for overrides\["x"\] but received "mn"/,
    ],
    ["no object", { x: null as unknown as "float" }, /"float" or \{ min, .* but received null/],
    [
      "a symmetry that is none",
      { x: { symmetric: "yes" as unknown as true } },
      /overrides\["x"\]\.symmetric/,
    ],
    ["half a range", { x: { min: 1 } }, /two finite numbers.*for overrides\["x"\]\.min and max/],
    ["a range the wrong way round", { x: { min: 1, max: 0 } }, /min not above max/],
    ["an unknown type", { x: { dtype: "int4" as "int8" } }, /one of uint8.*for overrides\["x"\]\.dtype/],
    ["an unknown tensor", { nope: "float" }, /no tensor named "nope"/],
  ])("%s is an error that names it", async (_, overrides, message) => {
    await expect(quantizeModel(modelFile(model), { overrides })).rejects.toThrow(message);
  });
});
