import { describe, expect, it } from "vitest";
import { inspectModel, quantizeModel } from "../lib/index.js";
import { buildGraph, buildModel, floats, modelFile } from "./support/build-model.js";
import { calibrationSamples, carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();

describe("inspectModel", () => {
  it("shows inputs, outputs, operators and stored bytes", () => {
    const summary = inspectModel(carried("digits_cnn.onnx"));
    expect(summary).toMatchObject({
      format: "onnx",
      size: 1048509,
      opsets: { "": 17 },
      inputs: [{ name: "image", dtype: "float32", shape: ["batch", 1, 28, 28] }],
      outputs: [{ name: "logits", dtype: "float32", shape: ["batch", 10] }],
      ops: { Relu: 5, Conv: 4, Gemm: 2, Flatten: 1 },
      quantization: { kind: "none", evidence: [] },
    });
    expect(summary.parameters).toEqual({ float32: { tensors: 12, elements: 261642, bytes: 1046568 } });
    expect(summary.nodes).toHaveLength(12);
  });

  it.each([
    ["static", { data: calibrationSamples().slice(0, 4) }, "QuantizeLinear"],
    ["dynamic", { mode: "dynamic" }, "DynamicQuantizeLinear"],
    ["weights", { mode: "weights" }, "int8 tensors"],
  ] as const)("tells that a model is quantized: %s", async (kind, options, evidence) => {
    const output = `${folder}/${kind}.onnx`;
    await quantizeModel(carried("digits_cnn.onnx"), { ...options, output });
    const { quantization, metadata } = inspectModel(output);
    expect(quantization.kind).toBe(kind);
    expect(quantization.evidence).toContain(evidence);
    expect(metadata["modelpress.quantized"]).toContain(kind);
  });

  it("counts what lies in subgraphs and attributes", () => {
    const branch = buildGraph({
      nodes: [{ op: "Constant", in: [], out: ["z"], attributes: { value: floats("", [3], [1, 2, 3]) } }],
      outputs: ["z"],
    });
    const bytes = modelFile(
      buildModel({
        nodes: [
          { op: "If", in: ["c"], out: ["y"], attributes: { then_branch: branch, else_branch: branch } },
        ],
        inputs: { c: ["bool", []] },
        outputs: ["y"],
      }),
    );
    const { ops, parameters, size, inputs, outputs } = inspectModel(bytes);
    expect(ops).toEqual({ Constant: 2, If: 1 });
    expect(parameters).toEqual({ float32: { tensors: 2, elements: 6, bytes: 24 } });
    expect(size).toBe(bytes.byteLength);
    expect(inputs).toEqual([{ name: "c", dtype: "bool", shape: [] }]);
    expect(outputs).toEqual([{ name: "y", dtype: "float32" }]);
  });
});
