import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TypedArray } from "../lib/index.js";
import { deferTensor } from "../lib/onnx/deferred.js";
import { openModel, readOnnx } from "../lib/onnx/read.js";
import { writeOnnx } from "../lib/onnx/write.js";
import { buildModel, floats } from "./support/build-model.js";
import { carried } from "./support/digits.js";
import { externalTensor } from "./support/external-tensor.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const digits = carried("digits_cnn.onnx");

describe("external data", () => {
  it("goes out and comes back without a changed byte", async () => {
    const path = join(folder, "external.onnx");
    const written = await writeOnnx(path, readOnnx(digits), { externalData: true });
    expect(written).toHaveLength(2);
    expect(readFileSync(path).length).toBeLessThan(10_000);
    const back = readOnnx(path);
    const inline = join(folder, "inline.onnx");
    await writeOnnx(inline, back, { externalData: false });
    back.close();
    expect(readFileSync(inline).equals(readFileSync(digits))).toBe(true);
  });

  it("is written over in place, and the old data file goes", async () => {
    const path = join(folder, "in-place.onnx");
    const [, before] = await writeOnnx(path, readOnnx(digits), { externalData: true });
    const model = readOnnx(path);
    model.proto.graph!.initializer[0] = floats(
      model.proto.graph!.initializer[0]!.name,
      [400],
      new Array(400).fill(1),
    );
    const [, after] = await writeOnnx(path, model);
    model.close();
    expect(after).not.toBe(before);
    expect(() => readFileSync(before!)).toThrow("ENOENT");
    expect(readOnnx(path).tensors.get(model.proto.graph!.initializer[0]!.name)!.data[0]).toBe(1);
  });

  it("of somebody who writes here at the same time stays, until the next model stands here", async () => {
    const path = join(folder, "two.onnx");
    const other = `${path}.0123456789abcdef.data`;
    const fill = (data: TypedArray): void => {
      writeFileSync(other, "");
      data.fill(1 as never);
    };
    const weight = deferTensor("w", "float32", [400], fill);
    await writeOnnx(path, openModel(buildModel({ nodes: [], initializers: [weight] })), {
      externalData: true,
    });
    expect(existsSync(other)).toBe(true);
    await writeOnnx(path, readOnnx(digits));
    expect(readdirSync(folder).filter((name) => name.startsWith("two.onnx"))).toEqual(["two.onnx"]);
  });

  it.skipIf(process.platform === "win32")(
    "goes under a name that readers take, apart from that of a model that is called so",
    async () => {
      const odd = join(folder, "net:v2\\\n.onnx");
      await writeOnnx(odd, readOnnx(digits), { externalData: true });
      const plain = join(folder, "net_v2__.onnx");
      for (const externalData of [true, false]) await writeOnnx(plain, readOnnx(digits), { externalData });
      const read = (path: string) => [...readOnnx(path).tensors].map(([name, { data }]) => [name, data]);
      expect(read(odd)).toEqual(read(digits));
    },
  );

  it("names model and tensor, and what to do, when a file is missing", () => {
    const model = openModel(buildModel({ nodes: [] }), join(folder, "any.onnx"));
    expect(() => model.tensor(externalTensor({ location: "none.bin" }))).toThrow(
      /any\.onnx.*"w".*none\.bin.*put it beside/,
    );
  });
});
