import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { upgradeOpset } from "../lib/graph/upgrade-opset.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import type { Tensor } from "../lib/tensor.js";
import { buildGraph, buildModel, floats, type GraphSpec, modelFile } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { modelProcess, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const { run } = modelProcess();

const one = (
  op: string,
  attributes: GraphSpec["nodes"][number]["attributes"],
  more: string[] = [],
): GraphSpec => ({
  nodes: [{ op, name: "it", in: ["x", ...more], out: ["y"], attributes: attributes! }],
  inputs: { x: [2, 3, 4, 6] },
  outputs: ["y"],
});
const split: GraphSpec = {
  ...one("Split", { axis: 3, split: [1, 5] }),
  nodes: [{ op: "Split", in: ["x"], out: ["y", "z"], attributes: { axis: 3, split: [1, 5] } }],
  outputs: ["y", "z"],
};
const topK: GraphSpec = {
  ...one("TopK", { k: 2 }),
  nodes: [{ op: "TopK", in: ["x"], out: ["y", "at"], attributes: { k: 2 } }],
  outputs: ["y"],
};

describe("a model of an older operator set gives the same values in set 13", () => {
  test.each<[string, number, GraphSpec]>([
    ["Clip with both bounds", 9, one("Clip", { min: { float: -0.5 }, max: { float: 0.25 } })],
    ["Clip with an upper bound only", 10, one("Clip", { max: { float: 0.25 } })],
    ["Clip without bounds", 9, one("Clip", {})],
    ["Dropout", 9, one("Dropout", { ratio: { float: 0.5 } })],
    ["Pad with a value", 10, one("Pad", { pads: [0, 0, 1, 2, 0, 0, 0, 3], value: { float: 1.5 } })],
    ["Pad by reflection", 9, one("Pad", { mode: "reflect", pads: [0, 0, 1, 2, 0, 0, 0, 3] })],
    ["ReduceSum over axes", 11, one("ReduceSum", { axes: [1, -1], keepdims: 0 })],
    ["ReduceSum over all", 12, one("ReduceSum", { keepdims: 0 })],
    ["Slice with axes", 9, one("Slice", { axes: [1, 3], starts: [1, -3], ends: [3, 1000] })],
    ["Slice without axes", 9, one("Slice", { starts: [0, 1], ends: [1, 2] })],
    ["Softmax over everything from axis 1", 11, one("Softmax", {})],
    ["Softmax over the last axis", 12, one("Softmax", { axis: 3 })],
    ["Softmax over the last two axes as one", 9, one("Softmax", { axis: 2 })],
    ["LogSoftmax", 11, one("LogSoftmax", { axis: 1 })],
    ["Split", 12, split],
    ["Squeeze", 11, { ...one("Squeeze", { axes: [1] }), inputs: { x: [2, 1, 4] } }],
    ["Unsqueeze", 12, one("Unsqueeze", { axes: [0, 4] })],
    ["TopK", 9, topK],
    [
      "Upsample to the nearest",
      9,
      { ...one("Upsample", { mode: "nearest" }, ["s"]), initializers: [floats("s", [4], [1, 1, 2, 3])] },
    ],
    [
      "Upsample linearly, with its factors as an attribute",
      8,
      one("Upsample", { mode: "linear", scales: { floats: [1, 1, 2, 2] } }),
    ],
    [
      "Resize",
      10,
      { ...one("Resize", { mode: "linear" }, ["s"]), initializers: [floats("s", [4], [1, 1, 2, 0.5])] },
    ],
  ])("%s of opset %i", async (name, opset, spec) => {
    const paths = ["old", "new"].map((version) =>
      join(folder, `${name.replaceAll(" ", "-")}.${version}.onnx`),
    );
    const model = buildModel(spec, opset);
    writeFileSync(paths[0]!, modelFile(model));
    expect(upgradeOpset(model)).toBeUndefined();
    expect(model.opsetImport[0]!.version).toBe(13n);
    writeFileSync(paths[1]!, modelFile(model));
    const x = randomTensor((spec.inputs!.x as number[]) ?? [], 3);
    expect(await run(paths[1]!, { x })).toEqual(await run(paths[0]!, { x }));
  });
});

it("subgraphs are brought along", async () => {
  const branch = (op: string) =>
    buildGraph({
      nodes: [{ op, in: ["x"], out: [`${op}.y`], attributes: { axes: [0] } }],
      outputs: [`${op}.y`],
    });
  const spec: GraphSpec = {
    nodes: [
      {
        op: "If",
        in: ["c"],
        out: ["y"],
        attributes: { then_branch: branch("Unsqueeze"), else_branch: branch("Squeeze") },
      },
    ],
    inputs: { x: [1, 3], c: ["bool", []] },
    outputs: ["y"],
  };
  const [before, after] = [join(folder, "if.old.onnx"), join(folder, "if.new.onnx")];
  const model = buildModel(spec, 11);
  writeFileSync(before, modelFile(model));
  expect(upgradeOpset(model)).toBeUndefined();
  writeFileSync(after, modelFile(model));
  for (const value of [0, 1]) {
    const c: Tensor = { dtype: "bool", shape: [], data: Uint8Array.of(value) };
    const feeds = { x: randomTensor([1, 3], 4), c };
    expect(await run(after, feeds)).toEqual(await run(before, feeds));
  }
});

it("a model that cannot be brought along is left as it is, with the reason", () => {
  const strange = buildModel(one("MeanVarianceNormalization", {}), 9);
  const before = modelFile(strange);
  expect(upgradeOpset(strange)).toMatch(/operator MeanVarianceNormalization/);
  expect(modelFile(strange)).toEqual(before);
  expect(upgradeOpset(buildModel(one("Relu", {}), 6))).toMatch(/opset 6 is older/);
});

it("a model of set 13 and later is not touched", () => {
  const model = buildModel(
    {
      ...one("Squeeze", {}, ["axes"]),
      initializers: [encodeTensor("axes", "int64", [1], BigInt64Array.of(0n))],
    },
    17,
  );
  const before = modelFile(model);
  expect(upgradeOpset(model)).toBeUndefined();
  expect(modelFile(model)).toEqual(before);
});
