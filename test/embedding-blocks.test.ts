import { describe, expect, it, test } from "vitest";
import { readOnnx } from "../lib/index.js";
import type { Tensor } from "../lib/tensor.js";
import { buildModel, type GraphSpec } from "./support/build-model.js";
import { temporaryFolder } from "./support/folder.js";
import { largestError, modelProcess, quantizeBuilt } from "./support/quantize-built.js";
import { blocksOf, valuesOf, weight } from "./support/weight-blocks.js";

const folder = temporaryFolder();
const { run } = modelProcess();

describe("embeddings", () => {
  const spec: GraphSpec = {
    nodes: [
      { op: "Gather", name: "look-up", in: ["table", "ids"], out: ["e"] },
      { op: "MatMul", name: "product", in: ["e", "w"], out: ["y"] },
    ],
    initializers: [weight("table", [50, 96], 1), weight("w", [96, 32], 2)],
    inputs: { ids: ["int64", ["n", "length"]] },
    outputs: ["y"],
  };
  const ids: Tensor = { dtype: "int64", shape: [1, 3], data: BigInt64Array.of(0n, 49n, 7n) };

  test.each([4, 8] as const)("in blocks of %i bits when asked for", async (embeddingBits) => {
    const { input, output, nodes } = await quantizeBuilt(
      folder,
      `table-${embeddingBits}`,
      buildModel(spec),
      [],
      {
        bits: 4,
        headBits: 8,
        embeddingBits,
      },
    );
    expect(nodes.find(({ name }) => name === "look-up")).toMatchObject({
      treatment: `weights int${embeddingBits}`,
    });
    const model = readOnnx(output);
    const gather = model.proto.graph!.node.find(({ opType }) => opType === "GatherBlockQuantized")!;
    const [packed, , scales, zeroPoints] = gather.input.map((name) => model.tensors.get(name));
    const layout = { rows: 96, cols: 50, bits: embeddingBits, transposed: true, symmetric: false } as const;
    const made = blocksOf(valuesOf([50, 96], 1), layout);
    expect(packed).toMatchObject({ shape: [50, (96 * embeddingBits) / 8], data: made.packed });
    expect(scales).toMatchObject({ shape: [50, 3], data: made.scales });
    expect(zeroPoints!.data).toEqual(made.zeroPoints);
    model.close();
    const error = largestError((await run(input, { ids })).y!, (await run(output, { ids })).y!);
    expect(error).toBeLessThan(embeddingBits === 4 ? 1.5 : 0.2);
  });

  it("have a scale per row of 8 bits by default, or where blocks do not fit", async () => {
    for (const options of [{ bits: 4 }, { bits: 4, embeddingBits: 4, blockSize: 64 }] as const) {
      const { output } = await quantizeBuilt(folder, "rows", buildModel(spec), [], options);
      const model = readOnnx(output);
      expect(model.tensors.get("table_quantized")).toMatchObject({ dtype: "int8", shape: [50, 96] });
      model.close();
    }
  });
});
