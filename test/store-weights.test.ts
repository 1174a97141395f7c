import { describe, expect, it, test } from "vitest";
import { inspectModel, readOnnx } from "../lib/index.js";
import type { Tensor } from "../lib/tensor.js";
import { buildGraph, buildModel, floats, type GraphSpec } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { largestError, modelProcess, quantizeBuilt, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();

const weight = (name: string, shape: number[], seed: number, scale = 1) =>
  floats(name, shape, randomTensor(shape, seed, scale).data as Float32Array);
const integers = (shape: number[], values: number[]): Tensor => ({
  dtype: "int64",
  shape,
  data: BigInt64Array.from(values, BigInt),
});

/** Rows of very different size: one scale for all of them would lose the small ones. */
const table = weight("table", [64, 32], 1);
new Float32Array(table.rawData.buffer, table.rawData.byteOffset, 32 * 32).forEach((_, i, values) => {
  values[i]! /= 1000;
});

const lstm = (direction: number): GraphSpec => ({
  nodes: [
    {
      op: "LSTM",
      name: "cell",
      in: ["x", "w", "r", "b"],
      out: ["y", "h"],
      attributes: { hidden_size: 16, ...(direction === 2 && { direction: "bidirectional" }) },
    },
  ],
  initializers: [
    weight("w", [direction, 64, 8], 2, 0.5),
    weight("r", [direction, 64, 16], 3, 0.5),
    weight("b", [direction, 128], 4, 0.2),
  ],
  inputs: { x: ["time", "n", 8] },
  outputs: ["y", "h"],
});

describe("embeddings", () => {
  const spec: GraphSpec = {
    nodes: [{ op: "Gather", name: "look-up", in: ["table", "ids"], out: ["y"] }],
    initializers: [table],
    inputs: { ids: ["int64", ["n", "length"]] },
    outputs: ["y"],
  };
  const ids = integers([2, 3], [0, 5, 63, 31, 32, 7]);

  it.each(["int8", "uint8"] as const)("are stored as %s rows, each with its own scale", async (weights) => {
    const { input, output, nodes, mode } = await quantizeBuilt(
      folder,
      `table-${weights}`,
      buildModel(spec),
      [],
      { weights },
    );
    expect(mode).toBe("weights");
    expect(nodes).toEqual([expect.objectContaining({ opType: "Gather", treatment: "weights int8" })]);
    const [want, got] = [(await run(input, { ids })).y!, (await run(output, { ids })).y!];
    for (let row = 0; row < 6; row++) {
      const values = (tensor: Tensor) => (tensor.data as Float32Array).subarray(row * 32, row * 32 + 32);
      const largest = Math.max(...values(want).map(Math.abs));
      const error = Math.max(...values(want).map((value, i) => Math.abs(value - values(got)[i]!)));
      expect(error / largest).toBeLessThan(0.006);
    }
    expect(inspectModel(output).parameters.float32!.elements).toBeLessThan(200);
  });

  it("that another operator reads too stay in float", async () => {
    const shared = {
      ...spec,
      nodes: [...spec.nodes, { op: "Neg", in: ["table"], out: ["z"] }],
      outputs: ["y", "z"],
    };
    await expect(
      quantizeBuilt(folder, "shared-table", buildModel(shared), [], { prepare: false }),
    ).rejects.toThrow(expect.objectContaining({ code: "NOTHING_TO_QUANTIZE" }));
  });
});

describe("recurrent layers", () => {
  const x = randomTensor([5, 2, 8], 5);

  test.each([
    [1, true],
    [2, true],
    [2, false],
  ])("run in integers with %i direction(s), per channel %s", async (directions, perChannel) => {
    const { input, output, mode, nodes } = await quantizeBuilt(
      folder,
      `lstm-${directions}-${perChannel}`,
      buildModel(lstm(directions)),
      [],
      { perChannel },
    );
    expect(mode).toBe("dynamic");
    expect(nodes).toEqual([expect.objectContaining({ name: "cell", treatment: "int8" })]);
    expect(inspectModel(output).ops).toEqual({ "com.microsoft.DynamicQuantizeLSTM": 1 });
    const scales = readOnnx(output).proto.graph!.initializer.filter(({ name }) =>
      name.endsWith("gate_scale"),
    );
    for (const { dims } of scales)
      expect(dims).toEqual(perChannel ? [BigInt(directions), 64n] : [BigInt(directions)]);
    const [want, got] = [await run(input, { x }), await run(output, { x })];
    for (const name of ["y", "h"]) expect(largestError(want[name]!, got[name]!)).toBeLessThan(0.03);
  });

  test.each([
    ["asked for weights only", { mode: "weights" as const }],
    ["a layout that the integer form has not", { layout: 1 }],
  ])(
    "keep float arithmetic and int8 weights when %s",
    async (name, { mode, layout }: { mode?: "weights"; layout?: number }) => {
      const spec = lstm(1);
      if (layout) spec.nodes[0]!.attributes = { ...spec.nodes[0]!.attributes, layout };
      const feeds = { x: layout ? { ...x, shape: [2, 5, 8] } : x };
      const { input, output, nodes } = await quantizeBuilt(
        folder,
        name.replaceAll(" ", "-"),
        buildModel(spec),
        [],
        // onnxruntime's CPU provider does not load that layout, so it cannot prepare the model.
        { mode, prepare: layout === undefined },
      );
      expect(nodes).toEqual([expect.objectContaining({ name: "cell", treatment: "weights int8" })]);
      if (layout) return;
      expect(largestError((await run(input, feeds)).y!, (await run(output, feeds)).y!)).toBeLessThan(0.02);
    },
  );

  it("are spared when excluded", async () => {
    const work = quantizeBuilt(folder, "spared", buildModel(lstm(1)), [], { exclude: ["cell"] });
    await expect(work).rejects.toThrow(expect.objectContaining({ code: "NOTHING_TO_QUANTIZE" }));
  });
});

it("weights in the branches of an If are stored in int8, by whichever branch runs", async () => {
  const branch = (name: string, seed: number) =>
    buildGraph({
      nodes: [{ op: "MatMul", name: `${name}.product`, in: ["x", `${name}.w`], out: [`${name}.y`] }],
      initializers: [weight(`${name}.w`, [16, 32], seed)],
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
    inputs: { x: ["n", 16], yes: ["bool", []] },
    outputs: ["y"],
  };
  const { input, output, nodes } = await quantizeBuilt(folder, "branches", buildModel(spec), []);
  expect(nodes.map(({ name, treatment }) => [name, treatment])).toEqual([
    ["then.product", "weights int8"],
    ["else.product", "weights int8"],
  ]);
  expect(inspectModel(output).parameters.int8!.elements).toBe(1024);
  for (const value of [0, 1]) {
    const feeds = {
      x: randomTensor([3, 16], 8),
      yes: { dtype: "bool", shape: [], data: Uint8Array.of(value) } as Tensor,
    };
    expect(largestError((await run(input, feeds)).y!, (await run(output, feeds)).y!)).toBeLessThan(0.06);
  }
});
