import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { plainShapes } from "../lib/graph/plain-shapes.js";
import { explainModel, inspectModel, type QuantizeOptions, quantizeModel, readOnnx } from "../lib/index.js";
import { buildModel, floats } from "./support/build-model.js";
import { calibrationSamples, carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const input = carried("digits_dw.onnx");

async function quantize(name: string, options: QuantizeOptions) {
  const path = join(folder, `${name}.onnx`);
  const data = options.mode === "static" ? calibrationSamples().slice(0, 32) : undefined;
  const { model } = await quantizeModel(input, { ...options, output: path, data });
  model.close();
  return { path, graph: readOnnx(path).proto.graph! };
}

describe("a quantized model holds nothing that a runtime does without", () => {
  it("in static mode: zero points are shared, or left out where onnxruntime fuses convolutions without", async () => {
    const { path, graph } = await quantize("static", { mode: "static" });
    const { node, initializer, valueInfo } = graph;
    expect(valueInfo).toEqual([]);
    const stored = new Set(initializer.map(({ name }) => name));
    const conversions = node.filter(({ opType }) => /^(Dequantize|Quantize)Linear$/.test(opType));
    expect(conversions.map(({ name }) => name).filter(Boolean)).toEqual([]);
    const zeroPoints = new Set(conversions.flatMap(({ input }) => input[2] ?? []));
    // One for activations from 0, one for the image, one for the columns of the last layer.
    expect(zeroPoints.size).toBeLessThanOrEqual(3);
    const weights = conversions.filter((each) => stored.has(each.input[0]!) && each.input.length === 3);
    expect(weights.map(({ input }) => input[2])).toEqual(["int8_0_x10"]);
    const { nodes, pairs } = await explainModel(path);
    const kernels = nodes.map(({ kernel }) => kernel).filter((kernel) => kernel?.startsWith("Q"));
    expect(kernels).toEqual([...Array(11).fill("QLinearConv"), "QLinearGlobalAveragePool", "QGemm"]);
    expect(pairs).toEqual([]);
  });

  it("so that small ones are less than a third of their size", async () => {
    const whole = inspectModel(input).size;
    const sizes = async (options: QuantizeOptions) => {
      const { path } = await quantize("small", options);
      return inspectModel(path).size / whole;
    };
    expect(await sizes({ mode: "weights" })).toBeLessThan(1 / 3);
    expect(await sizes({ mode: "weights", perChannel: false })).toBeLessThan(0.31);
    expect(await sizes({ mode: "static", format: "qoperator" })).toBeLessThan(1 / 3);
    expect(await sizes({ mode: "static" })).toBeLessThan(0.39);
  });

  it("and nodes keep the names that they had", async () => {
    const names = new Set(inspectModel(input).nodes.map(({ name }) => name));
    for (const mode of ["static", "weights"] as const) {
      const { graph } = await quantize(mode, { mode });
      for (const { name } of graph.node) if (name !== "") expect(names).toContain(name);
    }
  });
});

describe("plainShapes", () => {
  const nodes = [
    { op: "Relu", in: ["x"], out: ["a"] },
    { op: "Shape", in: ["a"], out: ["sizes"] },
    { op: "Reshape", in: ["a", "sizes"], out: ["b"] },
    { op: "Add", in: ["a", "c"], out: ["d"] },
    { op: "Add", in: ["b", "d"], out: ["y"] },
  ];
  const spec = { nodes, initializers: [floats("c", [4], [1, 2, 3, 4])], outputs: ["y"] };
  const plain = (shape: (string | number)[]) => {
    const found = plainShapes(buildModel({ ...spec, inputs: { x: shape } }).graph!);
    return ["x", "a", "b", "c", "d", "y"].filter((name) => found.has(name));
  };

  it("are those that follow from inputs and constants, not from computed values", () => {
    expect(plain(["n", 4])).toEqual(["x", "a", "c", "d"]);
  });

  it("follow from no input whose sizes are open beside the number of samples", () => {
    expect(plain(["n", "width"])).toEqual(["c"]);
  });
});
