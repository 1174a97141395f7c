import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { describe, expect, it, test } from "vitest";
import { type TensorProto, TensorProtoSchema } from "../lib/onnx/proto/onnx_pb.js";
import { openModel, readOnnx } from "../lib/onnx/read.js";
import { writeOnnx } from "../lib/onnx/write.js";
import { buildModel, floats } from "./support/build-model.js";
import { codeOf } from "./support/code-of.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const elsewhere = temporaryFolder();
const digits = carried("digits_cnn.onnx");

/** A second folder, for what lies outside the model's own. */
function temporaryPath(name: string): string {
  const path = join(elsewhere, name);
  mkdirSync(path);
  return path;
}

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

  const external = (entries: Record<string, string>): TensorProto =>
    create(TensorProtoSchema, {
      name: "w",
      dims: [2n],
      dataType: 1,
      dataLocation: 1,
      externalData: Object.entries({ location: "data.bin", ...entries }).map(([key, value]) => ({
        key,
        value,
      })),
    });
  writeFileSync(join(folder, "data.bin"), new Uint8Array(16));
  test.each([
    ["a path that climbs out", { location: "../data.bin" }, "EXTERNAL_PATH"],
    ["a path that climbs out later", { location: "a/../../data.bin" }, "EXTERNAL_PATH"],
    ["an absolute path", { location: "/etc/hostname" }, "EXTERNAL_PATH"],
    ["a Windows path", { location: "..\\data.bin" }, "EXTERNAL_PATH"],
    ["a drive", { location: "C:data.bin" }, "EXTERNAL_PATH"],
    ["an empty path", { location: "" }, "EXTERNAL_PATH"],
    ["a path with NUL", { location: "data.bin\0" }, "EXTERNAL_PATH"],
    ["a folder", { location: "." }, "EXTERNAL_PATH"],
    ["a missing file", { location: "none.bin" }, "EXTERNAL_MISSING"],
    ["an offset past the end", { offset: "12" }, "EXTERNAL_RANGE"],
    ["a negative offset", { offset: "-8" }, "EXTERNAL_RANGE"],
    ["an offset that is no number", { offset: "1e3" }, "EXTERNAL_RANGE"],
    ["a length that the shape does not need", { length: "4" }, "EXTERNAL_RANGE"],
    ["a huge offset", { offset: "9999999999999999" }, "EXTERNAL_RANGE"],
  ])("refuses %s", (_, entries, code) => {
    const model = openModel(buildModel({ nodes: [] }), join(folder, "any.onnx"));
    expect(codeOf(() => model.tensor(external(entries)))).toBe(code);
    model.close();
  });

  it.skipIf(process.platform === "win32")("refuses links, by whatever name", () => {
    const outside = temporaryPath("outside");
    writeFileSync(join(outside, "secret.bin"), new Uint8Array(16));
    symlinkSync(join(outside, "secret.bin"), join(folder, "soft.bin"));
    linkSync(join(outside, "secret.bin"), join(folder, "hard.bin"));
    symlinkSync(outside, join(folder, "linked-folder"));
    const model = openModel(buildModel({ nodes: [] }), join(folder, "any.onnx"));
    for (const location of ["soft.bin", "hard.bin", "linked-folder/secret.bin"])
      expect(codeOf(() => model.tensor(external({ location })))).toBe("EXTERNAL_PATH");
  });

  it("names model and tensor, and what to do, when a file is missing", () => {
    const model = openModel(buildModel({ nodes: [] }), join(folder, "any.onnx"));
    expect(() => model.tensor(external({ location: "none.bin" }))).toThrow(
      /any\.onnx.*"w".*none\.bin.*put it beside/,
    );
  });
});
