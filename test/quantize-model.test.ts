import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import type { QuantizeOptions } from "../lib/compress/options.js";
import { compareModels, inspectModel, ModelOperationError, quantizeModel } from "../lib/index.js";
import type { ModelProto } from "../lib/onnx/proto/onnx_pb.js";
import { readOnnx } from "../lib/onnx/read.js";
import { ModelProcess } from "../lib/runtime/model-process.js";
import type { Tensor } from "../lib/tensor.js";
import { buildGraph, buildModel, floats, type GraphSpec, modelFile } from "./support/build-model.js";
import { calibrationSamples, carried, testSamples } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { randomIntegers } from "./support/random.js";

const folder = temporaryFolder();
let models: ModelProcess;
beforeAll(async () => {
  models = await ModelProcess.start();
});
afterAll(() => models.close());

/** Operators that onnxruntime really runs after its own fusions. */
async function fusedOps(path: string): Promise<Record<string, number>> {
  const optimized = join(folder, "fused.onnx");
  await models.optimizeModelFile(path, optimized, "extended");
  return inspectModel(optimized).ops;
}

function random(shape: number[], seed: number, scale = 1): Tensor {
  const next = randomIntegers(seed);
  const length = shape.reduce((a, b) => a * b, 1);
  return {
    dtype: "float32",
    shape,
    data: Float32Array.from({ length }, () => (next() / 2 ** 31 - 1) * scale),
  };
}

async function run(path: string, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await models.load(path);
  const results = await session.run(feeds);
  await session.release();
  return results;
}

/** Writes a model, quantizes it on the given samples and returns both paths. */
async function quantized(
  name: string,
  model: ModelProto,
  samples: Record<string, Tensor>[],
  options: QuantizeOptions = {},
) {
  const input = join(folder, `${name}.onnx`);
  const output = join(folder, `${name}.int8.onnx`);
  writeFileSync(input, modelFile(model));
  const data = samples.map((feeds) => ({ feeds }));
  const result = await quantizeModel(input, { output, ...(data.length > 0 && { data }), ...options });
  return { input, output, ...result };
}

function largestError(a: Tensor, b: Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return (a.data as Float32Array).reduce(
    (max, v, i) => Math.max(max, Math.abs(v - (b.data[i] as number))),
    0,
  );
}

const conv = (name: string, input: string, output: string) => ({
  op: "Conv",
  name,
  in: [input, `${name}.w`, `${name}.b`],
  out: [output],
  attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
});
const convWeights = (name: string, from: number, to: number, seed: number) => [
  floats(`${name}.w`, [to, from, 3, 3], random([to * from * 9], seed, 0.5).data as Float32Array),
  floats(`${name}.b`, [to], random([to], seed + 1, 0.2).data as Float32Array),
];

describe("on classifiers with labelled images", () => {
  test.each([
    ["digits_cnn", 0.32, 2, { QLinearConv: 4, QGemm: 2 }],
    ["digits_dw", 0.46, 3, { QLinearConv: 11, QLinearGlobalAveragePool: 1, QGemm: 1 }],
    ["digits_vit", 0.36, 3, { QLinearConv: 1, QGemm: 1, MatMulIntegerToFloat: 28, QLinearMatMul: 4 }],
  ])(
    "static int8 of %s is at most %f of the size, loses at most %i images, and runs in integer kernels",
    async (name, ratio, lost, integerOps) => {
      const output = join(folder, `${name}.onnx`);
      const result = await quantizeModel(carried(`${name}.onnx`), { output, data: calibrationSamples() });
      expect(result).toMatchObject({ mode: "static", samples: 256, warnings: [] });
      expect(result.size.after / result.size.before).toBeLessThanOrEqual(ratio);
      const { accuracy } = await compareModels(carried(`${name}.onnx`), output, {
        data: testSamples(),
        latency: false,
      });
      expect(accuracy!.correct.candidate).toBeGreaterThanOrEqual(accuracy!.correct.reference - lost);
      const ops = await fusedOps(output);
      const counts = Object.entries(ops).map(([op, count]) => [op.replace("com.microsoft.", ""), count]);
      expect(Object.fromEntries(counts)).toMatchObject(integerOps);
    },
  );

  it("without data stores weights in int8 that cost no time: onnxruntime folds them at load", async () => {
    const output = join(folder, "weights.onnx");
    const result = await quantizeModel(carried("digits_dw.onnx"), { output });
    expect(result.mode).toBe("weights");
    expect(result.size.after / result.size.before).toBeLessThan(0.34);
    const ops = await fusedOps(output);
    expect(Object.keys(ops)).not.toEqual(expect.arrayContaining(["Cast"]));
    expect(ops.Mul ?? 0).toBe(0);
    const { accuracy } = await compareModels(carried("digits_dw.onnx"), output, {
      data: testSamples(),
      latency: false,
    });
    expect(accuracy!.correct.candidate).toBeGreaterThanOrEqual(accuracy!.correct.reference - 3);
  });

  it("without data makes matrix products dynamic and spares the convolution its slow form", async () => {
    const output = join(folder, "dynamic.onnx");
    const result = await quantizeModel(carried("digits_vit.onnx"), { output });
    expect(result.mode).toBe("dynamic");
    const { ops } = inspectModel(output);
    expect(ops).toMatchObject({ MatMulInteger: 25, Conv: 1 });
    expect(ops.ConvInteger).toBeUndefined();
    const { agreement } = await compareModels(carried("digits_vit.onnx"), output, {
      data: testSamples(),
      latency: false,
    });
    expect(agreement).toBeGreaterThan(0.997);
  });

  it("warns when asked for the slow form", async () => {
    const { warnings, model } = await quantizeModel(carried("digits_cnn.onnx"), { mode: "dynamic" });
    expect(warnings.join()).toMatch(/4 convolutions run as ConvInteger/);
    expect(model.proto.graph!.node.filter(({ opType }) => opType === "ConvInteger")).toHaveLength(4);
  });

  it("gives the same bytes every time", async () => {
    const options = { data: calibrationSamples().slice(0, 16) };
    for (const name of ["a", "b"])
      await quantizeModel(carried("digits_cnn.onnx"), { ...options, output: join(folder, `${name}.onnx`) });
    expect(readFileSync(join(folder, "a.onnx")).equals(readFileSync(join(folder, "b.onnx")))).toBe(true);
  });

  it("takes bytes, and returns a model that stands by itself", async () => {
    const { model, size, files } = await quantizeModel(readFileSync(carried("digits_cnn.onnx")));
    expect(files).toEqual([]);
    expect(size.after).toBe(0);
    expect(model.path).toBeUndefined();
    expect([...model.tensors.values()].some(({ dtype }) => dtype === "int8")).toBe(true);
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
    const { model: result, ranges } = await quantized("gemm", model, [{ x }]);
    const scale = Math.fround((Math.fround(4.1) + 1) / 255);
    expect(ranges.x).toEqual({ min: -1, max: Math.fround(4.1), scale, zeroPoint: 50 });
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
    const { output, model: result } = await quantized("tiny", model, [{ x }]);
    const bias = result.tensors.get("b_quantized")!.data as Int32Array;
    expect(Math.abs(bias[0]!)).toBeGreaterThan(2_000_000_000);
    const { y } = await run(output, { x });
    expect(y!.data[0]).toBeCloseTo(100, 3);
  });
});

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
    const samples = [1, 2, 3, 4].map((seed) => withCondition(random([1, 3, 6, 6], seed)));
    const { input, output, nodes } = await quantized(name.replaceAll(" ", "-"), buildModel(spec), samples);
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

  it("static, dynamic and weights agree on opset 11, which has no axis", async () => {
    const spec = chain([{ op: "Relu", in: ["p"], out: ["q"] }]);
    const x = random([1, 3, 6, 6], 3);
    for (const mode of ["static", "dynamic", "weights"] as const) {
      const samples = mode === "static" ? [{ x }] : [];
      const { input, output, warnings } = await quantized(`opset11-${mode}`, buildModel(spec, 11), samples, {
        mode,
      });
      expect(warnings.some((text) => text.includes("one scale per tensor"))).toBe(mode !== "weights");
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
    const x = random([1, 3, 6, 6], 3);
    const spec = chain([{ op: "Relu", in: ["p"], out: ["q"] }]);
    const { input, output } = await quantized("options", buildModel(spec), [{ x }], options);
    expect(largestError((await run(input, { x })).y!, (await run(output, { x })).y!)).toBeLessThan(0.15);
  });

  it("a Gemm that transposes becomes a dynamic product of the same values", async () => {
    const model = buildModel({
      nodes: [{ op: "Gemm", in: ["x", "w", "b"], out: ["y"], attributes: { transB: 1 } }],
      initializers: [floats("w", [3, 4], random([12], 8).data as Float32Array), floats("b", [3], [1, 2, 3])],
      inputs: { x: ["n", 4] },
      outputs: ["y"],
    });
    const x = random([2, 4], 9);
    const { input, output } = await quantized("transposed", model, [], { mode: "dynamic" });
    expect(largestError((await run(input, { x })).y!, (await run(output, { x })).y!)).toBeLessThan(0.05);
  });
});

describe("what the user asks for", () => {
  it("excluded nodes stay in float, named in the result", async () => {
    const { nodes, model } = await quantizeModel(carried("digits_cnn.onnx"), {
      data: calibrationSamples().slice(0, 8),
      exclude: ["/fc2/Gemm"],
    });
    expect(nodes).toContainEqual({
      name: "/fc2/Gemm",
      opType: "Gemm",
      treatment: "float",
      reason: "excluded by name",
    });
    expect(model.tensors.get("fc2.weight")?.dtype).toBe("float32");
  });

  it("an excluded node is found again after the preparation merged it with its bias", async () => {
    const layer = (name: string, input: string, output: string) => [
      { op: "MatMul", name, in: [input, `${name}.w`], out: [`${name}.p`] },
      { op: "Add", name: `${name}.add`, in: [`${name}.p`, `${name}.b`], out: [output] },
    ];
    const weights = (name: string) => [
      floats(`${name}.w`, [2, 2], [1, 2, 3, 4]),
      floats(`${name}.b`, [2], [5, 6]),
    ];
    const model = buildModel({
      nodes: [...layer("one", "x", "h"), ...layer("two", "h", "y")],
      initializers: [...weights("one"), ...weights("two")],
      inputs: { x: ["n", 2] },
      outputs: ["y"],
    });
    const { nodes } = await quantizeModel(modelFile(model), { mode: "dynamic", exclude: ["one"] });
    expect(nodes.map(({ opType, treatment }) => [opType, treatment])).toEqual([
      ["Gemm", "int8"],
      ["Gemm", "float"],
    ]);
  });

  it("samples limits the calibration", async () => {
    const { samples } = await quantizeModel(carried("digits_cnn.onnx"), {
      data: calibrationSamples(),
      samples: 40,
    });
    expect(samples).toBe(40);
  });

  it("progress counts calibration samples", async () => {
    const stages: string[] = [];
    await quantizeModel(carried("digits_cnn.onnx"), {
      data: calibrationSamples().slice(0, 40),
      onProgress: ({ stage, done }) => stages.push(`${stage} ${done}`),
    });
    expect(stages).toEqual(["prepare 0", "calibrate 32", "calibrate 40", "quantize 0", "write 0"]);
  });
});

describe("what cannot be done says why, and leaves nothing behind", () => {
  const digits = carried("digits_cnn.onnx");
  const image = (data: Float32Array) => [{ feeds: { image: { shape: [1, 1, 28, 28], data } } }];
  const weightless = modelFile(
    buildModel({ nodes: [{ op: "Relu", in: ["x"], out: ["y"] }], inputs: { x: [1] }, outputs: ["y"] }),
  );
  const oldOpset = modelFile(
    buildModel(
      {
        nodes: [{ op: "MatMul", in: ["x", "w"], out: ["y"] }],
        initializers: [floats("w", [1, 1], [1])],
        inputs: { x: [1, 1] },
        outputs: ["y"],
      },
      9,
    ),
  );
  const infinite = modelFile(
    buildModel({
      nodes: [{ op: "MatMul", in: ["x", "w"], out: ["y"] }],
      initializers: [floats("w", [1, 2], [1, Infinity])],
      inputs: { x: [1, 1] },
      outputs: ["y"],
    }),
  );
  test.each<[string, string | Uint8Array, QuantizeOptions, string]>([
    ["static without data", digits, { mode: "static" }, "CALIBRATION_NEEDED"],
    ["no samples", digits, { data: [] }, "DATA_MISMATCH"],
    [
      "NaN in the samples",
      digits,
      { data: image(new Float32Array(784).fill(Number.NaN)) },
      "CALIBRATION_INVALID",
    ],
    ["a sample of the wrong shape", digits, { data: image(new Float32Array(10)) }, "DATA_MISMATCH"],
    [
      "a sample of the wrong name",
      digits,
      { data: [{ feeds: { picture: new Float32Array(784) } }] },
      "DATA_MISMATCH",
    ],
    ["nothing to quantize", weightless, {}, "NOTHING_TO_QUANTIZE"],
    ["an operator set without quantized operators", oldOpset, { mode: "dynamic" }, "UNSUPPORTED_MODEL"],
    ["an unknown node to exclude", digits, { exclude: ["nope"] }, "UNSUPPORTED_MODEL"],
    ["a weight that is not finite", infinite, {}, "TENSOR_INVALID"],
    ["a file that is no model", carried("digits.safetensors"), {}, "WIRE_"],
    ["a missing file", join(folder, "missing.onnx"), {}, "FILE_UNREADABLE"],
  ])("%s", async (_, input, options, code) => {
    const target = join(folder, "refused");
    mkdirSync(target, { recursive: true });
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("modelpress-")).length;
    const error = await quantizeModel(input, { ...options, output: join(target, "out.onnx") }).catch(
      (e) => e,
    );
    expect(error.code).toContain(code);
    expect(readdirSync(target)).toEqual([]);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith("modelpress-")).length).toBe(before);
  });

  test.each([
    ["mode", { mode: "fast" }],
    ["weights", { weights: "int4" }],
    ["samples", { samples: 0 }],
    ["weights", { activations: "int8", weights: "uint8" }],
  ])("a wrong %s is named", async (name, options) => {
    await expect(quantizeModel(digits, options as QuantizeOptions)).rejects.toThrow(
      expect.objectContaining({
        name: "RangeError",
        message: expect.stringContaining(`for ${name} but received`),
      }),
    );
  });

  it("an abort ends it at once, with its reason", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const work = quantizeModel(digits, {
      data: calibrationSamples(),
      signal: controller.signal,
      onProgress: ({ stage }) => stage === "calibrate" && controller.abort(reason),
    });
    await expect(work).rejects.toBe(reason);
  });

  it("a model that onnxruntime refuses is its error, not a hang", async () => {
    const cyclic = buildModel({
      nodes: [
        { op: "MatMul", in: ["b", "w"], out: ["a"] },
        { op: "MatMul", in: ["a", "w"], out: ["b"] },
      ],
      initializers: [floats("w", [1, 1], [1])],
      outputs: ["b"],
    });
    await expect(quantizeModel(modelFile(cyclic))).rejects.toBeInstanceOf(ModelOperationError);
    await expect(quantizeModel(modelFile(cyclic), { prepare: false })).rejects.toThrow(/cycle/);
  });

  it("the input is never changed", async () => {
    const before = readFileSync(digits);
    await quantizeModel(digits, {
      data: calibrationSamples().slice(0, 4),
      output: join(folder, "other.onnx"),
    });
    expect(readFileSync(digits).equals(before)).toBe(true);
  });
});

it("a model with external data is quantized like the same model in one file", async () => {
  const { writeOnnx } = await import("../lib/onnx/write.js");
  const outside = join(folder, "outside.onnx");
  await writeOnnx(outside, readOnnx(carried("digits_cnn.onnx")), { externalData: true });
  const data = calibrationSamples().slice(0, 8);
  const [one, two] = [join(folder, "one.onnx"), join(folder, "two.onnx")];
  await quantizeModel(carried("digits_cnn.onnx"), { data, output: one });
  const { size } = await quantizeModel(outside, { data, output: two });
  expect(size.before).toBeGreaterThan(1_000_000);
  const [a, b] = [readOnnx(one), readOnnx(two)];
  expect([...b.tensors.keys()].sort()).toEqual([...a.tensors.keys()].sort());
  for (const [name, { data: values }] of a.tensors) expect(b.tensors.get(name)!.data).toEqual(values);
});
