import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Graph } from "../lib/graph/graph.js";
import { explainModel } from "../lib/index.js";
import { whyFloat } from "../lib/lint/why-float.js";
import { openModel } from "../lib/onnx/read.js";
import { type buildModel, floats, modelFile } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { conv, flat, image, product, Quantized } from "./support/quantized-graph.js";

const folder = temporaryFolder();

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
