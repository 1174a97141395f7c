import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { compareModels, inspectModel, type PruneRepair, pruneModel, quantizeModel } from "../lib/index.js";
import { modelFile } from "./support/build-model.js";
import { calibrationSamples, carried, testSamples } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { Network } from "./support/network.js";
import { randomTensor } from "./support/quantize-built.js";

const folder = temporaryFolder();
const CNN = carried("digits_cnn.onnx");

/** Two convolutions; of the 16 filters of the first the last 8 are copies of the others. */
function doubled(): Uint8Array {
  const net = new Network(5);
  const weight = net.weight(16, 3, 3, 3);
  const twice = net.node("Relu", [net.node("Conv", ["x", weight])]);
  const proto = net.model({ x: ["n", 3, 8, 8] }, [net.conv(twice, 16, 4)]);
  const stored = proto.graph!.initializer.find(({ name }) => name === weight)!;
  const half = stored.rawData.subarray(0, stored.rawData.length / 2);
  stored.rawData = Buffer.concat([half, half]);
  return modelFile(proto);
}

describe("pruneModel with pattern channel", () => {
  it("takes the same share of every layer, in multiples of 8, and keeps inputs and outputs", async () => {
    const output = join(folder, "cnn.onnx");
    const { model, groups, whole, parameters, multiplications, size } = await pruneModel(CNN, {
      pattern: "channel",
      sparsity: 0.5,
      scope: "layer",
      output,
    });
    expect(groups.map(({ channels }) => channels)).toEqual([
      { before: 16, after: 8 },
      { before: 32, after: 16 },
      { before: 64, after: 32 },
      { before: 64, after: 32 },
      { before: 64, after: 32 },
    ]);
    expect(whole).toEqual([{ layers: ["/fc2/Gemm"], reason: "it is an output of the model" }]);
    expect(parameters.after / parameters.before).toBeCloseTo(0.251, 2);
    expect(multiplications.after / multiplications.before).toBeCloseTo(0.254, 2);
    expect(size.after).toBeLessThan(0.3 * size.before);
    model.close();
    const [before, after] = [inspectModel(CNN), inspectModel(output)];
    expect(after.inputs).toEqual(before.inputs);
    expect(after.outputs).toEqual(before.outputs);
  });

  test.each([1, 4, 8, 16])("keeps multiples of %d", async (roundTo) => {
    const { groups } = await pruneModel(CNN, { pattern: "channel", sparsity: 0.3, scope: "layer", roundTo });
    for (const { channels } of groups) {
      expect(channels.after % roundTo).toBe(0);
      expect(channels.after).toBeGreaterThanOrEqual(0.7 * channels.before);
      expect(channels.after - 0.7 * channels.before).toBeLessThan(roundTo);
    }
  });

  it("with scope global takes where it costs least, and leaves every layer its share", async () => {
    const options = { pattern: "channel", sparsity: 0.5, roundTo: 1, minKept: 0.4 } as const;
    const { groups, warnings } = await pruneModel(CNN, options);
    for (const { channels } of groups) expect(channels.after).toBeGreaterThanOrEqual(0.4 * channels.before);
    expect(warnings).toEqual([]);
    const most = await pruneModel(CNN, { ...options, sparsity: 0.9 });
    expect(most.groups.map(({ channels }) => channels.after)).toEqual([7, 13, 26, 26, 26]);
    expect(most.warnings).toEqual([expect.stringMatching(/^only 59% of the channels could go/)]);
  });

  it("leaves every part of a Split its share, however small its weights are", async () => {
    const net = new Network();
    const wide = net.weight(32, 3, 3, 3);
    const [a, b] = net.split("Split", [net.node("Conv", ["x", wide])], 2, { axis: 1 });
    const y = net.node("Concat", [net.conv(a!, 16, 4), net.conv(b!, 16, 4)], { axis: 1 });
    const proto = net.model({ x: [1, 3, 6, 6] }, [y]);
    const stored = proto.graph!.initializer.find(({ name }) => name === wide)!;
    // All of the first part would go before any of the second.
    stored.rawData.fill(0, 0, stored.rawData.length / 2);
    const { model } = await pruneModel(modelFile(proto), { pattern: "channel", sparsity: 0.5 });
    const readers = [...model.tensors.values()].map(({ shape }) => shape).filter(([made]) => made === 4);
    expect(readers.map(([, read]) => read)).toEqual([8, undefined, 8, undefined]);
    model.close();
  });

  it("removes the filters of smallest norm first", async () => {
    const net = new Network();
    const w = net.weight(16, 3, 1, 1);
    const y = net.conv(net.node("Conv", ["x", w]), 16, 2);
    const proto = net.model({ x: [1, 3, 4, 4] }, [y]);
    const values = Float32Array.from({ length: 48 }, (_, i) => (Math.floor(i / 3) % 2 === 0 ? 1 : 0.1));
    proto.graph!.initializer.find(({ name }) => name === w)!.rawData = new Uint8Array(values.buffer);
    for (const score of ["l1", "l2"] as const) {
      const { model } = await pruneModel(modelFile(proto), { pattern: "channel", sparsity: 0.5, score });
      expect(new Set(model.tensors.get(w)!.data as Float32Array)).toEqual(new Set([1]));
      expect(model.tensors.get(w)!.shape).toEqual([8, 3, 1, 1]);
    }
  });

  it("leaves out what is excluded, and takes only what is included", async () => {
    const sizes = async (choice: { include?: string[]; exclude?: string[] }) => {
      const { groups, whole } = await pruneModel(CNN, { pattern: "channel", sparsity: 0.5, ...choice });
      return [groups.map(({ layers }) => layers[0]), whole.length];
    };
    expect(await sizes({ include: ["/fc1/*", "/f/f.0*"] })).toEqual([["/f/f.0/f.0.0/Conv", "/fc1/Gemm"], 4]);
    expect(await sizes({ exclude: ["/f/*"] })).toEqual([["/fc1/Gemm"], 5]);
    await expect(sizes({ exclude: ["/g/*"] })).rejects.toMatchObject({ code: "UNSUPPORTED_MODEL" });
  });

  it("refuses what cannot be done, and writes nothing", async () => {
    const output = join(folder, "never.onnx");
    const refused = (input: string | Uint8Array, options = {}) =>
      expect(pruneModel(input, { pattern: "channel", sparsity: 0.5, output, ...options })).rejects;
    await refused(CNN, { sparsity: 1 }).toThrow(RangeError);
    await refused(CNN, { score: "l3" }).toThrow("one of l1, l2, activation, reconstruction for score");
    await refused(CNN, { scope: "some" }).toThrow("one of global, layer, auto for scope");
    await refused(CNN, { scope: "auto" }).toThrow("global or layer with score l1 for scope");
    await refused(CNN, { roundTo: 0 }).toThrow("an integer from 1 for roundTo");
    await refused(CNN, { repair: ["magic"] }).toThrow("of least-squares, bias, batch-norm for repair");
    await refused(CNN, { minKept: 2 }).toThrow("a number from 0 to 1 for minKept");
    await refused(CNN, { repair: ["bias"] }).toMatchObject({ code: "CALIBRATION_NEEDED" });
    await refused(CNN, { score: "activation" }).toMatchObject({ code: "CALIBRATION_NEEDED" });
    await refused(CNN, { samples: 8 }).toMatchObject({ code: "CALIBRATION_NEEDED" });
    const net = new Network();
    const only = modelFile(net.model({ x: [1, 3, 6, 6] }, [net.conv("x", 3, 8)]));
    await refused(only).toMatchObject({
      code: "NOTHING_TO_PRUNE",
      message: expect.stringContaining("Conv2: it is an output of the model"),
    });
    const broken = net.model({ x: [1, 3, 6, 6] }, [net.conv(net.conv("x", 3, 16), 16, 4)]);
    const { buffer, byteOffset } = broken.graph!.initializer.at(-2)!.rawData;
    new DataView(buffer, byteOffset).setFloat32(40, Number.NaN, true);
    await refused(modelFile(broken)).toMatchObject({ code: "TENSOR_INVALID" });
    const int8 = join(folder, "int8.onnx");
    await quantizeModel(CNN, { output: int8, mode: "dynamic" });
    await refused(int8).toMatchObject({
      code: "UNSUPPORTED_MODEL",
      message: expect.stringContaining("prune the model in float first"),
    });
    expect(existsSync(output)).toBe(false);
  });
});

describe("repair after channels went", () => {
  const data = calibrationSamples();

  it("loses next to nothing where the other channels say the same", async () => {
    const path = join(folder, "doubled.onnx");
    const output = join(folder, "halved.onnx");
    writeFileSync(path, doubled());
    const samples = Array.from({ length: 16 }, (_, i) => ({
      feeds: { x: randomTensor([1, 3, 8, 8], i + 1) },
    }));
    const lost = async (repair: PruneRepair[] | undefined) => {
      const options = { pattern: "channel", sparsity: 0.5, data: samples, repair, output } as const;
      const { model, groups } = await pruneModel(path, options);
      model.close();
      expect(groups[0]!.channels).toEqual({ before: 16, after: 8 });
      const { outputs } = await compareModels(path, output, { data: samples, latency: false });
      return outputs[0]!.sqnrDb;
    };
    const none = await lost([]);
    expect(none).toBeLessThan(20);
    expect(await lost(["bias"])).toBeGreaterThan(none);
    expect(await lost(["least-squares"])).toBeGreaterThan(40);
    expect(await lost(undefined)).toBeGreaterThan(40);
  });

  it("sees channels that are never anything but zero, however large their weights are", async () => {
    const net = new Network(3);
    const [w, b] = [net.weight(16, 3, 1, 1), net.weight(16)];
    const y = net.conv(net.node("Relu", [net.node("Conv", ["x", w, b])]), 16, 2);
    const proto = net.model({ x: ["n", 3, 4, 4] }, [y]);
    const values = (name: string, fill: (i: number) => number, length: number) => {
      const stored = proto.graph!.initializer.find((each) => each.name === name)!;
      stored.rawData = new Uint8Array(Float32Array.from({ length }, (_, i) => fill(i)).buffer);
    };
    // Every other filter is large, and its bias keeps it below zero.
    values(w, (i) => Math.sin(i) * (Math.floor(i / 3) % 2 === 0 ? 1 : 9), 48);
    values(b, (i) => (i % 2 === 0 ? 0 : -99), 16);
    const data = Array.from({ length: 8 }, (_, i) => ({ feeds: { x: randomTensor([1, 3, 4, 4], i + 1) } }));
    for (const score of ["activation", "reconstruction"] as const) {
      const { model } = await pruneModel(modelFile(proto), {
        pattern: "channel",
        sparsity: 0.5,
        score,
        data,
      });
      expect(Array.from(model.tensors.get(b)!.data as Float32Array)).toEqual(new Array(8).fill(0));
    }
    const { model } = await pruneModel(modelFile(proto), { pattern: "channel", sparsity: 0.5 });
    expect(Array.from(model.tensors.get(b)!.data as Float32Array)).toEqual(new Array(8).fill(-99));
  });

  it("takes channels that one of several layers behind a Split reads", async () => {
    const net = new Network();
    const wide = net.node("Relu", [net.conv("x", 3, 32)]);
    const [left, right] = net.split("Split", [wide, net.ints(16, 16)], 2, { axis: 1 });
    const y = net.node("Add", [net.conv(left!, 16, 4), net.conv(net.node("Relu", [right!]), 16, 4)]);
    const model = modelFile(net.model({ x: ["n", 3, 4, 4] }, [y]));
    const data = Array.from({ length: 8 }, (_, i) => ({ feeds: { x: randomTensor([1, 3, 4, 4], i + 1) } }));
    const { groups, warnings } = await pruneModel(model, { pattern: "channel", sparsity: 0.5, data });
    expect(groups.map(({ channels }) => channels)).toContainEqual({ before: 32, after: 16 });
    expect(warnings).toEqual([]);
  });

  it("goes by norms where no layer that reads the channels can be observed, and says so", async () => {
    const net = new Network();
    const wide = net.node("Relu", [net.conv("x", 3, 16)]);
    const y = net.node("ConvTranspose", [wide, net.weight(16, 4, 2, 2)]);
    const input = modelFile(net.model({ x: ["n", 3, 4, 4] }, [y]));
    const data = [{ feeds: { x: randomTensor([1, 3, 4, 4], 1) } }];
    const { groups, warnings, repairs } = await pruneModel(input, {
      pattern: "channel",
      sparsity: 0.5,
      data,
    });
    expect(groups[0]!.channels).toEqual({ before: 16, after: 8 });
    expect(warnings).toEqual([expect.stringMatching(/^ordered by the norms of weights.*: Conv/)]);
    expect(repairs).toEqual([]);
  });

  it("with scope auto takes where the outputs show it least", async () => {
    const net = new Network(9);
    const branch = () => net.conv(net.node("Relu", [net.conv("x", 3, 16)]), 16, 4);
    const [loud, quiet] = [branch(), branch()];
    const y = net.node("Add", [loud, net.node("Mul", [quiet, net.scalar(0.01)])]);
    const path = join(folder, "branches.onnx");
    const output = join(folder, "branches.pruned.onnx");
    writeFileSync(path, modelFile(net.model({ x: ["n", 3, 6, 6] }, [y])));
    const data = Array.from({ length: 8 }, (_, i) => ({ feeds: { x: randomTensor([1, 3, 6, 6], i + 1) } }));
    const pruned = async (scope: "global" | "auto") => {
      const options = { pattern: "channel", sparsity: 0.4, roundTo: 1, data, scope, output } as const;
      const { model, groups, scope: said } = await pruneModel(path, options);
      model.close();
      expect(said).toBe(scope);
      const { outputs } = await compareModels(path, output, { data, latency: false });
      return { kept: groups.map(({ channels }) => channels.after), db: outputs[0]!.sqnrDb };
    };
    const [global, auto] = [await pruned("global"), await pruned("auto")];
    expect(global.kept[0]).toBeLessThan(14);
    expect(auto.kept).toEqual([15, 4]);
    expect(auto.db).toBeGreaterThan(global.db + 6);
  });

  it("keeps a CNN right that loses half of its multiplications, which norms alone ruin", async () => {
    const accuracy = async (options: object) => {
      const output = join(folder, "pruned.onnx");
      const include = ["/f/f.0*", "/f/f.1*", "/f/f.2*"];
      const result = await pruneModel(CNN, {
        pattern: "channel",
        sparsity: 0.4,
        include,
        output,
        ...options,
      });
      result.model.close();
      const compared = await compareModels(CNN, output, { data: testSamples(), latency: false });
      return { result, accuracy: compared.accuracy! };
    };
    const plain = await accuracy({ score: "l1" });
    const repaired = await accuracy({ data, samples: 96 });
    expect(plain.accuracy.candidate).toBeLessThan(0.9);
    expect(repaired.accuracy.candidate).toBeGreaterThan(repaired.accuracy.reference - 0.01);
    expect(repaired.result.multiplications.after).toBeLessThan(0.5 * repaired.result.multiplications.before);
    expect(repaired.result.repairs).toEqual([
      expect.stringMatching(/^repaired \d+ layers: weights fitted by least squares, means/),
    ]);
  });
});
