import { describe, expect, it, test } from "vitest";
import { dequantizeBlockwise, readOnnx } from "../lib/index.js";
import type { Tensor } from "../lib/tensor.js";
import { buildGraph, buildModel, floats, type GraphSpec } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { largestError, modelProcess, quantizeBuilt, randomTensor } from "./support/quantize-built.js";
import { attributes, blocksOf, twoLayers, valuesOf, weight } from "./support/weight-blocks.js";

const folder = temporaryFolder();
const { run } = modelProcess();

/** x [n, rows] times w [rows, cols], in double precision. */
function product(x: Float32Array, w: Float32Array, rows: number, cols: number): number[] {
  const n = x.length / rows;
  return Array.from({ length: n * cols }, (_, at) => {
    const [row, col] = [Math.floor(at / cols), at % cols];
    let sum = 0;
    for (let k = 0; k < rows; k++) sum += x[row * rows + k]! * w[k * cols + col]!;
    return sum;
  });
}

describe("MatMulNBits", () => {
  test.each([
    { bits: 4, symmetric: false, blockSize: 32, rows: 64 },
    { bits: 4, symmetric: true, blockSize: 32, rows: 64 },
    { bits: 4, symmetric: false, blockSize: 32, rows: 64, fitScales: false },
    { bits: 4, symmetric: false, blockSize: 16, rows: 39 },
    { bits: 8, symmetric: false, blockSize: 64, rows: 70 },
    { bits: 8, symmetric: true, blockSize: 128, rows: 128 },
  ] as const)(
    "$bits bits, symmetric $symmetric, blocks of $blockSize, $rows rows: fitted $fitScales: holds what the operations make",
    async ({ rows, symmetric, ...options }) => {
      const cols = 48;
      const { input, output, mode, nodes } = await quantizeBuilt(
        folder,
        `product-${options.bits}-${symmetric}-${rows}-${"fitScales" in options}`,
        buildModel(twoLayers(rows, cols)),
        [],
        { mode: "weights", accuracyLevel: 1, zeroPoints: !symmetric, ...options },
      );
      expect(mode).toBe("weights");
      expect(nodes.map(({ name, treatment }) => [name, treatment])).toEqual([
        ["first", `weights int${options.bits}`],
        ["head", "weights int8"],
      ]);

      const model = readOnnx(output);
      const [first] = model.proto.graph!.node.filter(({ opType }) => opType === "MatMulNBits");
      expect(attributes(first!)).toEqual({
        K: rows,
        N: cols,
        bits: options.bits,
        block_size: options.blockSize,
        accuracy_level: 1,
      });
      const [, packed, scales, zeroPoints] = first!.input.map((name) => model.tensors.get(name)!);
      const layout = { rows, cols, symmetric, ...options };
      const made = blocksOf(valuesOf([rows, cols], 1), layout);
      const blocks = Math.ceil(rows / options.blockSize);
      expect(packed).toMatchObject({
        shape: [cols, blocks, (options.blockSize * options.bits) / 8],
        data: made.packed,
      });
      expect(scales).toMatchObject({ shape: [cols, blocks], data: made.scales });
      if (symmetric) expect(zeroPoints).toBeUndefined();
      else expect(zeroPoints!.data).toEqual(made.zeroPoints);
      model.close();

      const x = randomTensor([3, rows], 9);
      const [want, got] = [(await run(input, { x })).y!, (await run(output, { x })).y!];
      expect(largestError(want, got)).toBeLessThan(options.bits === 4 ? 2 : 0.2);
    },
  );

  it("gives the product with the dequantized weight", async () => {
    const [rows, cols] = [80, 24];
    const spec: GraphSpec = {
      nodes: [{ op: "MatMul", name: "only", in: ["x", "w"], out: ["y"] }],
      initializers: [weight("w", [rows, cols], 1)],
      inputs: { x: ["n", rows] },
      outputs: ["y"],
    };
    const { output } = await quantizeBuilt(folder, "dequantized", buildModel(spec), [], {
      bits: 4,
      headBits: 4,
      accuracyLevel: 1,
    });
    const layout = { rows, cols };
    const { packed, ...made } = blocksOf(valuesOf([rows, cols], 1), { ...layout, symmetric: false });
    const w = dequantizeBlockwise(packed, { ...layout, ...made });
    const x = randomTensor([5, rows], 4);
    const { y } = await run(output, { x });
    const expected = product(x.data as Float32Array, w, rows, cols);
    for (const [i, value] of expected.entries()) expect(y!.data[i]).toBeCloseTo(value, 4);
  });

  it("leaves the accuracy level out when it is 0, and lets onnxruntime multiply in int8 by default", async () => {
    for (const accuracyLevel of [undefined, 0] as const) {
      const { output } = await quantizeBuilt(folder, "level", buildModel(twoLayers(64, 48)), [], {
        bits: 4,
        accuracyLevel,
      });
      const model = readOnnx(output);
      const levels = model.proto.graph!.node.filter(({ opType }) => opType === "MatMulNBits").map(attributes);
      expect(levels.map((each) => each.accuracy_level)).toEqual(
        accuracyLevel === 0 ? [undefined, undefined] : [4, 4],
      );
      model.close();
    }
  });

  it("shares what two products read", async () => {
    const spec: GraphSpec = {
      nodes: [
        { op: "MatMul", name: "a", in: ["x", "w"], out: ["p"] },
        { op: "Relu", in: ["p"], out: ["q"] },
        { op: "Gemm", name: "b", in: ["q", "w"], out: ["r"] },
        { op: "Gemm", name: "c", in: ["r", "w"], out: ["s"], attributes: { transB: 1 } },
        { op: "Add", in: ["s", "q"], out: ["y"] },
      ],
      initializers: [weight("w", [64, 64], 5)],
      inputs: { x: ["n", 64] },
      outputs: ["y"],
    };
    const { output, nodes } = await quantizeBuilt(folder, "shared", buildModel(spec), [], { bits: 4 });
    expect(nodes.every(({ treatment }) => treatment === "weights int4")).toBe(true);
    const model = readOnnx(output);
    const packed = model.proto
      .graph!.node.filter(({ opType }) => opType === "MatMulNBits")
      .map(({ input }) => input[1]);
    expect(packed[0]).toBe(packed[1]);
    expect(new Set(packed).size).toBe(2);
    model.close();
  });
});

it("says of every product that stays in float why", async () => {
  const spec: GraphSpec = {
    nodes: [
      { op: "MatMul", name: "good", in: ["x", "w"], out: ["a"] },
      { op: "MatMul", name: "spared", in: ["a", "v"], out: ["b"] },
      { op: "MatMul", name: "small", in: ["b", "tiny"], out: ["c"] },
      { op: "MatMul", name: "flat", in: ["x", "thin"], out: ["d"] },
      { op: "MatMul", name: "stack", in: ["x", "cube"], out: ["e"] },
      { op: "MatMul", name: "read", in: ["x", "twice"], out: ["f"] },
      { op: "Neg", name: "reader", in: ["twice"], out: ["g"] },
      { op: "Transpose", in: ["a"], out: ["h"], attributes: { perm: [1, 0] } },
      { op: "MatMul", name: "both", in: ["a", "h"], out: ["i"] },
      { op: "MatMul", name: "low", in: ["i4", "short"], out: ["j"] },
    ],
    initializers: [
      weight("w", [64, 64], 1),
      weight("v", [64, 64], 2),
      weight("tiny", [64, 3], 3),
      weight("thin", [64, 64], 4),
      weight("cube", [2, 64, 64], 5),
      weight("twice", [64, 64], 6),
      weight("short", [4, 256], 7),
    ],
    inputs: { x: ["n", 64], i4: ["n", 4] },
    outputs: ["c", "d", "e", "f", "g", "i", "j"],
  };
  const { nodes } = await quantizeBuilt(folder, "reasons", buildModel(spec), [], {
    bits: 4,
    exclude: ["spared"],
    prepare: false,
  });
  const told = Object.fromEntries(
    nodes.map(({ name, treatment, reason }) => [name, `${treatment}: ${reason}`]),
  );
  expect(told).toEqual({
    good: "weights int4: weight in blocks of 32, multiplied as such by MatMulNBits",
    spared: "float: excluded by name",
    small: "float: its weight has only 768 bytes",
    flat: "weights int4: weight in blocks of 32, multiplied as such by MatMulNBits",
    stack: "weights int8: weight stored in int8, arithmetic in float: its weight has 3 dimensions, not 2",
    read: "float: its weight is also read in float, by reader, and would be stored twice",
    both: "float: multiplies two activations",
    low: "weights int8: weight stored in int8, arithmetic in float: its 4 rows fill too little of a block of 32 to become much smaller",
  });
});

it("takes the products in the branches of an If", async () => {
  const branch = (name: string, seed: number) =>
    buildGraph({
      nodes: [{ op: "MatMul", name: `${name}.product`, in: ["x", `${name}.w`], out: [`${name}.y`] }],
      initializers: [weight(`${name}.w`, [64, 32], seed)],
      outputs: [`${name}.y`],
    });
  const spec: GraphSpec = {
    nodes: [
      {
        op: "If",
        in: ["yes"],
        out: ["y"],
        attributes: { then_branch: branch("then", 6), else_branch: branch("else", 7) },
      },
    ],
    inputs: { x: ["n", 64], yes: ["bool", []] },
    outputs: ["y"],
  };
  const { input, output, nodes } = await quantizeBuilt(folder, "branches", buildModel(spec), [], {
    bits: 4,
    headBits: 4,
  });
  expect(nodes.map(({ name, treatment }) => [name, treatment])).toEqual([
    ["then.product", "weights int4"],
    ["else.product", "weights int4"],
  ]);
  for (const value of [0, 1]) {
    const yes: Tensor = { dtype: "bool", shape: [], data: Uint8Array.of(value) };
    const feeds = { x: randomTensor([3, 64], 8), yes };
    expect(largestError((await run(input, feeds)).y!, (await run(output, feeds)).y!)).toBeLessThan(1.5);
  }
});

describe("refuses", () => {
  const model = () => buildModel(twoLayers(64, 48));
  test.each<[string, Parameters<typeof quantizeBuilt>[4], string]>([
    ["2 bits", { bits: 2 as 4 }, "Expected one of 4, 8 for bits but received 2"],
    ["a block of 48", { bits: 4, blockSize: 48 }, "one of 16, 32, 64, 128, 256 for blockSize"],
    ["a block size without bits", { mode: "weights", blockSize: 32 }, "4 or 8 when blockSize is given"],
    ["4 bits in dynamic mode", { mode: "dynamic", bits: 4 }, "Expected 8 in mode dynamic"],
    ["DequantizeLinear of 8 bits", { mode: "weights", bits: 8, weightFormat: "dequantize" }, "Expected 4"],
    ["an unknown accuracy level", { bits: 4, accuracyLevel: 5 as 4 }, "0, 1, 2, 3, 4 for accuracyLevel"],
    ["fitScales that is no boolean", { bits: 4, fitScales: "no" as never }, "true or false for fitScales"],
    ["zeroPoints that are no boolean", { bits: 4, zeroPoints: 1 as never }, "true or false for zeroPoints"],
  ])("%s", async (name, options, message) => {
    const work = quantizeBuilt(folder, `refused-${name}`, model(), [], options);
    await expect(work).rejects.toThrow(message);
  });

  it("a weight with NaN, and leaves no file", async () => {
    const spec = twoLayers(64, 48);
    const bad = valuesOf([64, 48], 1);
    bad[77] = Number.NaN;
    spec.initializers![0] = floats("w", [64, 48], bad);
    const work = quantizeBuilt(folder, "nan", buildModel(spec), [], { bits: 4 });
    await expect(work).rejects.toThrow(expect.objectContaining({ code: "TENSOR_INVALID" }));
    expect(() => readOnnx(`${folder}/nan.int8.onnx`)).toThrow(
      expect.objectContaining({ code: "FILE_UNREADABLE" }),
    );
  });
});
