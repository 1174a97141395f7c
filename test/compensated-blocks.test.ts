import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compareModels, type QuantizeOptions, quantizeModel } from "../lib/index.js";
import { readOnnx } from "../lib/onnx/read.js";
import { buildModel, floats, type GraphSpec } from "./support/build-model.js";
import { calibrationSamples, carried, testSamples } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { quantizeBuilt, randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const data = calibrationSamples().slice(0, 96);

describe("4-bit blocks rounded by what calibration sees", () => {
  it.each<[string, QuantizeOptions]>([
    ["with zero points", {}],
    ["without", { zeroPoints: false }],
    ["behind DequantizeLinear", { weightFormat: "dequantize" }],
  ])("lose less than half of the output that rounding to nearest loses: %s", async (_, options) => {
    const model = carried("digits_vit.onnx");
    const noise = async (rounding: "nearest" | "compensated") => {
      const output = join(folder, `${rounding}.onnx`);
      const common = { bits: 4, output, accuracyLevel: 0, ...options } as const;
      const result = await quantizeModel(model, { ...common, data, rounding });
      expect(result.mode).toBe("weights");
      const { outputs } = await compareModels(model, output, {
        data: testSamples().slice(0, 200),
        latency: false,
      });
      return { db: outputs[0]!.sqnrDb, repairs: result.repairs, size: result.size.after };
    };
    const [nearest, compensated] = [await noise("nearest"), await noise("compensated")];
    // 6 dB are a half.
    expect(compensated.db).toBeGreaterThan(nearest.db + 5);
    expect(nearest.repairs).toEqual([]);
    expect(compensated.repairs).toEqual([
      "rounded the weights of 25 layers for small errors of their outputs",
    ]);
    expect(compensated.size).toBe(nearest.size);
  });

  it("keeps scales and zero points, and rounds every weight to a step beside it, in layouts of all kinds", async () => {
    const random = (name: string, shape: number[], seed: number) =>
      floats(name, shape, randomTensor(shape, seed).data as Float32Array);
    // 40 rows: the second block is not full; a transposed Gemm; a head that keeps 8 bits.
    const spec: GraphSpec = {
      nodes: [
        { op: "MatMul", in: ["x", "w1"], out: ["a"], name: "first" },
        { op: "Gemm", in: ["a", "w2"], out: ["b"], name: "second", attributes: { transB: 1 } },
        { op: "MatMul", in: ["b", "w3"], out: ["y"], name: "head" },
      ],
      initializers: [random("w1", [40, 64], 1), random("w2", [48, 64], 2), random("w3", [48, 32], 3)],
      inputs: { x: ["n", 40] },
      outputs: ["y"],
    };
    const samples = [{ x: randomTensor([200, 40], 4) }];
    const parts = async (rounding: "nearest" | "compensated") => {
      const options = { bits: 4, rounding, prepare: false } as const;
      const { output } = await quantizeBuilt(folder, rounding, buildModel(spec), samples, options);
      return new Map([...readOnnx(output).tensors].map(([name, { data }]) => [name, data as Uint8Array]));
    };
    const [nearest, compensated] = [await parts("nearest"), await parts("compensated")];
    expect([...compensated.keys()]).toEqual([...nearest.keys()]);
    const steps = [...nearest.keys()].filter((name) => /_Q[48]$/.test(name));
    expect(steps).toHaveLength(3);
    for (const [name, values] of nearest) {
      if (!steps.includes(name)) expect(compensated.get(name), name).toEqual(values);
      else expect(compensated.get(name), name).not.toEqual(values);
    }
    const nibbles = (name: string, all: Map<string, Uint8Array>) =>
      [...all.get(name)!].flatMap((byte) => [byte & 15, byte >> 4]);
    const [name] = steps as [string];
    const far = nibbles(name, nearest).filter(
      (step, i) => Math.abs(step - nibbles(name, compensated)[i]!) > 4,
    );
    expect(far).toEqual([]);
  });

  it("are what samples are used for unless told otherwise", async () => {
    const model = carried("digits_vit.onnx");
    const { repairs } = await quantizeModel(model, { bits: 4, data: data.slice(0, 4) });
    expect(repairs).toEqual(["rounded the weights of 25 layers for small errors of their outputs"]);
  });

  it("needs samples", async () => {
    const options = { bits: 4, rounding: "compensated" } as const;
    await expect(quantizeModel(carried("digits_vit.onnx"), options)).rejects.toMatchObject({
      code: "CALIBRATION_NEEDED",
    });
  });
});
