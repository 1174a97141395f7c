import { describe, expect, it, test } from "vitest";
import { readOnnx } from "../lib/index.js";
import { buildModel, type GraphSpec } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { largestError, modelProcess, quantizeBuilt, randomTensor } from "./support/quantize-built.js";
import { attributes, twoLayers } from "./support/weight-blocks.js";

const folder = temporaryFolder();
const { run } = modelProcess();

describe("DequantizeLinear in blocks", () => {
  type Middle = GraphSpec["nodes"][number];
  const spec = (middle?: Middle): GraphSpec => {
    const model = twoLayers(70, 33);
    return { ...model, nodes: [model.nodes[0]!, middle ?? model.nodes[1]!, model.nodes[2]!] };
  };

  test.each([true, false])("holds the weight that MatMulNBits holds, symmetric %s", async (symmetric) => {
    const options = { bits: 4, zeroPoints: !symmetric, accuracyLevel: 1, headBits: 8 } as const;
    const [blocks, linear] = [
      await quantizeBuilt(folder, `nbits-${symmetric}`, buildModel(spec()), [], options),
      await quantizeBuilt(folder, `linear-${symmetric}`, buildModel(spec()), [], {
        ...options,
        weightFormat: "dequantize",
      }),
    ];
    expect(linear.nodes.map(({ treatment }) => treatment)).toEqual(["weights int4", "weights int8"]);
    const model = readOnnx(linear.output);
    const node = model.proto.graph!.node.find(({ opType }) => opType === "DequantizeLinear")!;
    expect(attributes(node)).toEqual({ axis: 0, block_size: 32 });
    expect(model.proto.opsetImport).toMatchObject([{ domain: "", version: 21n }]);
    const [packed, scales, zeroPoints] = node.input.map((name) => model.tensors.get(name));
    expect(packed).toMatchObject({ dtype: symmetric ? "int4" : "uint4", shape: [70, 33] });
    expect(scales!.shape).toEqual([3, 33]);
    if (symmetric) expect(zeroPoints).toBeUndefined();
    else expect(zeroPoints).toMatchObject({ dtype: "uint4", shape: [3, 33] });
    model.close();
    const x = randomTensor([4, 70], 8);
    const [a, b] = [(await run(blocks.output, { x })).y!, (await run(linear.output, { x })).y!];
    // The head of one is in blocks, that of the other has a scale per column.
    expect(largestError(a, b)).toBeLessThan(0.4);
  });

  test.each<[string, Middle]>([
    ["ReduceMean", { op: "ReduceMean", in: ["h"], out: ["r"], attributes: { axes: [0], keepdims: 1 } }],
    ["Split", { op: "Split", in: ["h"], out: ["r", "rest"], attributes: { axis: 0 } }],
  ])("brings %s to set 21", async (name, middle) => {
    const model = buildModel(spec(middle), 13);
    const { input, output } = await quantizeBuilt(folder, `to-21-${name}`, model, [], {
      bits: 4,
      weightFormat: "dequantize",
    });
    const x = randomTensor([4, 70], 8);
    expect(largestError((await run(input, { x })).y!, (await run(output, { x })).y!)).toBeLessThan(4);
  });

  it("is refused for an operator whose way to set 21 is not known", async () => {
    const model = spec();
    const unknown = { op: "RandomNormalLike", name: "noise", in: ["r"], out: ["z"] };
    const work = quantizeBuilt(
      folder,
      "unknown",
      buildModel({ ...model, nodes: [...model.nodes, unknown], outputs: ["y", "z"] }),
      [],
      { bits: 4, weightFormat: "dequantize" },
    );
    await expect(work).rejects.toThrow(
      expect.objectContaining({
        code: "UNSUPPORTED_MODEL",
        message: expect.stringContaining("operator RandomNormalLike from opset 17 to 21"),
      }),
    );
  });
});
