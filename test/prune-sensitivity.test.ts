import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { shareOut } from "../lib/compress/prune/share-out.js";
import { compareModels, pruneModel, pruneSensitivity } from "../lib/index.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import { buildGraph, buildModel, floats, type GraphSpec, modelFile } from "./support/build-model.js";
import { calibrationSamples, carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const data = calibrationSamples().slice(0, 8);

function input(name: string, spec: GraphSpec): string {
  const path = join(folder, name);
  writeFileSync(path, modelFile(buildModel(spec)));
  return path;
}

describe("pruneSensitivity", () => {
  it("measures what the outputs of a model suffer that is pruned in that weight alone", async () => {
    const model = carried("digits_dw.onnx");
    const sparsities = [0.3, 0.8];
    const {
      curves,
      samples,
      data: kind,
    } = await pruneSensitivity(model, { data, sparsities, minSize: 1200 });
    expect({ samples, kind, weights: curves.length }).toEqual({ samples: 8, kind: "given", weights: 5 });
    const { name, values, points } = curves.find((curve) => curve.name === "onnx::Conv_130")!;
    expect(values).toBe(8192);
    expect(points.map(({ sparsity }) => sparsity)).toEqual(sparsities);
    for (const { sparsity, sqnrDb } of points) {
      const output = join(folder, "alone.onnx");
      const pruned = await pruneModel(model, { output, sparsity, include: [name] });
      pruned.model?.close();
      const { outputs } = await compareModels(model, output, { data, latency: false });
      expect(sqnrDb).toBeCloseTo(outputs[0]!.sqnrDb, 1);
    }
  });

  it("measures weights behind Transpose, in float16 and behind DequantizeLinear, but not in subgraphs", async () => {
    const halves = Uint16Array.from({ length: 256 }, (_, i) => 0x2c00 + i * 8 + (i % 2) * 0x8000);
    const integers = Int8Array.from({ length: 256 }, (_, i) => i - 128);
    const branch = (name: string) =>
      buildGraph({
        nodes: [{ op: "MatMul", in: ["d", `${name}_w`], out: [`${name}_y`] }],
        initializers: [floats(`${name}_w`, [16, 16], randomTensor([16, 16], 1).data as Float32Array)],
        outputs: [`${name}_y`],
      });
    const spec: GraphSpec = {
      nodes: [
        { op: "Transpose", in: ["a"], out: ["turned"] },
        { op: "MatMul", in: ["x", "turned"], out: ["h"] },
        { op: "Cast", in: ["h"], out: ["half"], attributes: { to: 10 } },
        { op: "MatMul", in: ["half", "b"], out: ["i"] },
        { op: "Cast", in: ["i"], out: ["single"], attributes: { to: 1 } },
        { op: "DequantizeLinear", in: ["c", "scale"], out: ["floats"] },
        { op: "MatMul", in: ["single", "floats"], out: ["d"] },
        {
          op: "If",
          in: ["yes"],
          out: ["y"],
          attributes: { then_branch: branch("t"), else_branch: branch("e") },
        },
      ],
      initializers: [
        floats("a", [16, 16], randomTensor([16, 16], 2).data as Float32Array),
        encodeTensor("b", "float16", [16, 16], halves),
        encodeTensor("c", "int8", [16, 16], integers),
        floats("scale", [], [0.01]),
      ],
      inputs: { x: ["n", 16], yes: ["bool", []] },
      outputs: ["y"],
    };
    const { curves, data: kind } = await pruneSensitivity(input("kinds.onnx", spec), {
      sparsities: [0.5, 1],
    });
    expect(kind).toBe("random (seeded)");
    expect(curves.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    // Without its weight nothing is left of the output.
    for (const { points } of curves) {
      expect(points[0]!.sqnrDb).toBeGreaterThan(0.5);
      expect(points[1]!.sqnrDb).toBe(0);
    }
  });

  test.each([
    ["falling sparsities", { sparsities: [0.5, 0.3] }, RangeError],
    ["no sparsities", { sparsities: [] }, RangeError],
    ["a sparsity above one", { sparsities: [1.5] }, RangeError],
  ])("refuses %s", async (_, options, kind) => {
    await expect(pruneSensitivity(carried("digits_dw.onnx"), options)).rejects.toThrow(kind);
  });
});

describe("scope auto", () => {
  it("has exactly the zeros asked for, fewer where the outputs suffer more, and gives better outputs", async () => {
    const model = carried("digits_dw.onnx");
    const error = async (scope: "auto" | "layer"): Promise<number> => {
      const output = join(folder, `${scope}.onnx`);
      const {
        zeros,
        values,
        sensitivity,
        model: pruned,
      } = await pruneModel(model, {
        output,
        scope,
        sparsity: 0.6,
        ...(scope === "auto" && { data }),
      });
      pruned?.close();
      if (scope === "auto") {
        expect(zeros.after).toBe(Math.round(0.6 * values));
        expect(sensitivity?.curves.length).toBeGreaterThan(5);
      }
      const { outputs } = await compareModels(model, output, {
        data: calibrationSamples().slice(100, 132),
        latency: false,
      });
      return outputs[0]!.sqnrDb;
    };
    expect(await error("auto")).toBeGreaterThan((await error("layer")) + 3);
  });

  it("refuses files of tensors, which do not run", async () => {
    const path = carried("digits.safetensors");
    await expect(pruneModel(path, { sparsity: 0.5, scope: "auto" })).rejects.toThrow(/does not run/);
  });
});

describe("shareOut", () => {
  const curve = (values: number, decibels: number[]) => ({
    name: "",
    nodes: [],
    values,
    points: decibels.map((sqnrDb, i) => ({ sparsity: (i + 1) / 4, sqnrDb })),
  });

  it("takes from the weights that cost least, and all that is asked for", () => {
    const curves = [curve(1000, [40, 30, 10]), curve(1000, [20, 10, 0])];
    for (const total of [0, 1, 250, 777, 1500, 2000])
      expect(shareOut(curves, total).reduce((sum, count) => sum + count, 0)).toBe(total);
    expect(shareOut(curves, 500)).toEqual([500, 0]);
    expect(shareOut(curves, 2000)).toEqual([1000, 1000]);
  });

  it("knows that a bend upwards is passed only as a whole", () => {
    // The second quarter costs more than the third: the two are one step.
    const bent = curve(400, [40, 10, 10]);
    const even = curve(400, [40, 20, 15]);
    expect(shareOut([bent, even], 200)).toEqual([100, 100]);
  });
});
