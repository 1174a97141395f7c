import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { pruneModel, pruneNM, readOnnx, writeOnnx } from "../lib/index.js";
import { encodeTensor } from "../lib/onnx/tensor-proto.js";
import { buildGraph, type GraphSpec } from "./support/build-model.js";
import { expectSame } from "./support/bytes.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { weight, writeModel, zerosIn } from "./support/prune.js";

const folder = temporaryFolder();
const input = (name: string, spec: GraphSpec) => writeModel(folder, name, spec);

describe("weights that pruneModel finds", () => {
  it("prunes embeddings only when asked, and never a table that something else reads", async () => {
    const spec: GraphSpec = {
      nodes: [
        { op: "Gather", name: "look", in: ["table", "ids"], out: ["e"] },
        { op: "Gather", name: "tied", in: ["shared", "ids"], out: ["t"] },
        { op: "Add", in: ["e", "t"], out: ["s"] },
        { op: "Transpose", in: ["shared"], out: ["turned"], attributes: { perm: [1, 0] } },
        { op: "MatMul", name: "head", in: ["s", "turned"], out: ["y"] },
      ],
      initializers: [weight("table", [64, 32], 1), weight("shared", [64, 32], 2)],
      inputs: { ids: ["int64", [4]] },
      outputs: ["y"],
    };
    const lookup = input("lookup.onnx", spec);
    await expect(pruneModel(lookup, { sparsity: 0.5 })).rejects.toMatchObject({ code: "NOTHING_TO_PRUNE" });
    const { layers, model } = await pruneModel(lookup, { sparsity: 0.5, embeddings: true });
    expect(layers.map(({ name }) => name)).toEqual(["table", "shared"]);
    model?.close();
  });

  it.each([
    ["with an order", { attributes: { perm: [1, 0] } }],
    ["without", {}],
  ])("follows a weight through Transpose %s to the axis that is summed over", async (_, order) => {
    const spec: GraphSpec = {
      nodes: [
        { op: "Transpose", in: ["w"], out: ["turned"], ...order },
        { op: "MatMul", in: ["x", "turned"], out: ["y"] },
      ],
      initializers: [weight("w", [10, 64], 1)],
      inputs: { x: [1, 64] },
      outputs: ["y"],
    };
    const { model } = await pruneModel(input("turned.onnx", spec), { pattern: "2:4" });
    const w = spec.initializers![0]!;
    const original = new Float32Array(w.rawData.slice().buffer);
    const expected = pruneNM(original, { keep: 2, of: 4, shape: [10, 64], axis: 1 });
    expect(model!.tensors.get("w")!.data).toEqual(expected);
    model?.close();
  });

  it("finds weights in Constant nodes and in subgraphs", async () => {
    const branch = (name: string, seed: number) =>
      buildGraph({
        nodes: [{ op: "MatMul", name, in: ["h", `${name}_w`], out: [`${name}_y`] }],
        initializers: [weight(`${name}_w`, [16, 16], seed)],
        outputs: [`${name}_y`],
      });
    const spec: GraphSpec = {
      nodes: [
        { op: "Constant", in: [], out: ["w"], attributes: { value: weight("", [16, 16], 1) } },
        { op: "MatMul", name: "main", in: ["x", "w"], out: ["h"] },
        {
          op: "If",
          in: ["yes"],
          out: ["y"],
          attributes: { then_branch: branch("then", 2), else_branch: branch("else", 3) },
        },
      ],
      inputs: { x: [1, 16], yes: ["bool", []] },
      outputs: ["y"],
    };
    const { layers, model, zeros } = await pruneModel(input("subgraphs.onnx", spec), { sparsity: 0.5 });
    expect(layers.map(({ name, nodes }) => [name, nodes[0]!.name])).toEqual([
      ["w", "main"],
      ["then_w", "then"],
      ["else_w", "else"],
    ]);
    expect(zeros.after).toBe(384);
    const constant = model!.proto.graph!.node[0]!.attribute[0]!.t!;
    expect(zerosIn(model!.tensor(constant).data as Float32Array)).toBe(layers[0]!.zeros.after);
    model?.close();
  });

  test.each(["float16", "bfloat16"] as const)("keeps %s, and every value that stays", async (dtype) => {
    const bits = Uint16Array.from({ length: 1024 }, (_, i) => (i % 512) + (i % 2) * 0x8000 + 0x3800);
    const w = encodeTensor("w", dtype, [32, 32], bits);
    const spec: GraphSpec = {
      nodes: [{ op: "MatMul", in: ["x", "w"], out: ["y"] }],
      initializers: [w],
      inputs: { x: [dtype, [1, 32]] },
      outputs: ["y"],
    };
    const output = join(folder, `${dtype}.out.onnx`);
    const { model, zeros } = await pruneModel(input(`${dtype}.onnx`, spec), { sparsity: 0.3, output });
    model?.close();
    const after = readOnnx(output);
    const pruned = after.tensors.get("w")!;
    expect(pruned.dtype).toBe(dtype);
    const expected = bits.map((value) => (value % 0x8000 < 0x3800 + 154 ? 0 : value));
    expect(zeros.after).toBe(307);
    expect(zerosIn(pruned.data as Uint16Array)).toBe(307);
    const changed = [...bits.keys()].filter((i) => pruned.data[i] !== expected[i]);
    // Of the two values on the threshold's last step one goes.
    expect(changed.length).toBeLessThanOrEqual(1);
    after.close();
  });

  it("keeps external data external, beside a model of any size", async () => {
    const external = join(folder, "external.onnx");
    const model = readOnnx(carried("digits_cnn.onnx"));
    await writeOnnx(external, model, { externalData: true });
    model?.close();
    const output = join(folder, "external.out.onnx");
    const inline = await pruneModel(carried("digits_cnn.onnx"), { sparsity: 0.7 });
    const { files, model: pruned } = await pruneModel(external, { sparsity: 0.7, output });
    expect(files).toHaveLength(2);
    for (const { name } of inline.layers)
      expectSame(pruned!.tensors.get(name)!.data, inline.model!.tensors.get(name)!.data);
    for (const each of [inline.model, pruned]) each?.close();
  });
});
