import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { explainModel, quantizeModel } from "../lib/index.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import { buildModel, floats, modelFile } from "./support/build-model.js";
import { calibrationSamples, carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();

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
    expect(findings.map(({ code }) => code)).toEqual(["CONV_INTEGER_SLOW"]);
  });

  it("of a float model says what becomes of recurrent layers and embeddings", async () => {
    const weights = (name: string, shape: number[]) =>
      floats(name, shape, randomTensor(shape, name.length).data as Float32Array);
    const model = buildModel({
      nodes: [
        { op: "Gather", in: ["table", "ids"], out: ["e"] },
        { op: "LSTM", in: ["e", "w", "r"], out: ["h"], attributes: { hidden_size: 16 } },
        { op: "Squeeze", in: ["h", "one"], out: ["s"] },
        { op: "GRU", in: ["s", "gw", "gr"], out: ["y"], attributes: { hidden_size: 16 } },
      ],
      initializers: [
        weights("table", [40, 16]),
        weights("w", [1, 64, 16]),
        weights("r", [1, 64, 16]),
        encodeTensor("one", "int64", [1], BigInt64Array.of(1n)),
        weights("gw", [1, 48, 16]),
        weights("gr", [1, 48, 16]),
      ],
      inputs: { ids: ["int64", ["t", "n"]] },
      outputs: ["y"],
    });
    const path = join(folder, "recurrent.onnx");
    writeFileSync(path, modelFile(model));
    const { nodes } = await explainModel(path);
    expect(Object.fromEntries(nodes.map(({ opType, why }) => [opType, why]))).toMatchObject({
      Gather: "would have its weight stored in int8, and compute in float",
      LSTM: "would run in integers when quantized dynamically",
      GRU: "would have its weight stored in int8, and compute in float",
    });
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
    expect(findings.map(({ code }) => code)).not.toContain("WEIGHT_RESTORED_EVERY_RUN");
  });
});
