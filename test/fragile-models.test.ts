import { describe, expect, it } from "vitest";
import { compareModels, readOnnx } from "../lib/index.js";
import { buildModel, floats } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { quantizeBuilt, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const values = (shape: number[], seed: number, scale = 1) =>
  randomTensor(shape, seed, scale).data as Float32Array;

describe("a weight of which 8 bits keep only the largest values", () => {
  // The first row is far larger than the others, and multiplied by next to nothing.
  const wide = values([64 * 64], 1).map((value, i) => (i < 64 ? 500 : value));
  const model = buildModel({
    nodes: [
      { op: "MatMul", name: "wide", in: ["x", "w"], out: ["a"] },
      { op: "MatMul", name: "plain", in: ["a", "v"], out: ["y"] },
    ],
    initializers: [floats("w", [64, 64], wide), floats("v", [64, 64], values([64 * 64], 2))],
    inputs: { x: ["n", 64] },
    outputs: ["y"],
  });
  const samples = Array.from({ length: 16 }, (_, i) => {
    const x = randomTensor([1, 64], 10 + i);
    (x.data as Float32Array)[0] = 1e-4;
    return { x };
  });

  it("is stored in float16, and its node stays in float", async () => {
    const { input, output, keepFloat, size } = await quantizeBuilt(folder, "wide", model, samples);
    expect(keepFloat!.beforeDb).toBeLessThan(10);
    expect(keepFloat!.nodes).toMatchObject([{ name: "wide", weights: "float16" }]);
    expect(size.after).toBeLessThan(0.5 * size.before);
    const written = readOnnx(output);
    const casts = written.proto.graph!.node.filter(({ opType }) => opType === "Cast");
    expect(casts.map((node) => node.input[0])).toEqual(["w_half"]);
    expect(written.tensors.get("w_half")!.dtype).toBe("float16");
    const { outputs } = await compareModels(input, output, {
      data: samples.map((feeds) => ({ feeds })),
      latency: false,
    });
    expect(outputs[0]!.sqnrDb).toBeGreaterThan(35);
  });
});

describe("filters that take a large constant part away", () => {
  // Each sums to zero, but does not in 8 bits: the constant part of the input then moves every output.
  const filters = values([8, 9], 3).map((value, i, all) => {
    const row = all.subarray(i - (i % 9), i - (i % 9) + 9);
    return value - row.reduce((sum, each) => sum + each, 0) / 9;
  });
  const model = buildModel({
    nodes: [
      { op: "Conv", name: "edges", in: ["x", "w"], out: ["a"], attributes: { group: 8 } },
      { op: "Relu", in: ["a"], out: ["r"] },
      { op: "Conv", name: "mix", in: ["r", "v"], out: ["y"] },
    ],
    initializers: [floats("w", [8, 1, 3, 3], filters), floats("v", [4, 8, 1, 1], values([32], 4))],
    inputs: { x: ["n", 8, 12, 12] },
    outputs: ["y"],
  });
  const samples = Array.from({ length: 16 }, (_, i) => {
    const x = randomTensor([1, 8, 12, 12], 30 + i, 0.5);
    return { x: { ...x, data: (x.data as Float32Array).map((value) => value + 20) } };
  });

  it("get their biases corrected by default, since the outputs keep little", async () => {
    const judge = async (correctBias: "auto" | false) => {
      const options = { correctBias, minSqnr: 15 } as const;
      const { input, output, repairs, keepFloat } = await quantizeBuilt(
        folder,
        `edges-${correctBias}`,
        model,
        samples,
        options,
      );
      const data = samples.map((feeds) => ({ feeds }));
      const { outputs } = await compareModels(input, output, { data, latency: false });
      return { repairs, keepFloat, db: outputs[0]!.sqnrDb };
    };
    const plain = await judge(false);
    expect(plain.repairs).toEqual([]);
    const corrected = await judge("auto");
    expect(corrected.repairs).toEqual([expect.stringMatching(/^corrected the biases of 2 layers/)]);
    expect(corrected.keepFloat!.beforeDb).toBeGreaterThan(plain.keepFloat!.beforeDb + 3);
    expect(corrected.keepFloat!.nodes).toEqual([]);
    expect(corrected.db).toBeGreaterThan(plain.keepFloat!.beforeDb + 3);
  });
});
