import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { recognizeFormat } from "../lib/files/recognize-format.js";
import { writeSafetensors } from "../lib/index.js";
import { codeOf } from "./support/code-of.js";
import { carried } from "./support/digits.js";
import { temporaryFolder } from "./support/folder.js";
import { Bytes } from "./support/refusal.js";
import { zip } from "./support/zip.js";

const folder = temporaryFolder();
const path = join(folder, "file");
const zipped = (...names: string[]) =>
  new Bytes().raw(zip(names.map((name) => ({ name, data: Buffer.from("x") }))));

describe("recognizeFormat", () => {
  it.each([
    ["digits_cnn.onnx", "onnx"],
    ["digits_vit.onnx", "onnx"],
  ])("tells what %s is", (name, format) => {
    expect(recognizeFormat(carried(name))).toBe(format);
  });

  it("tells other formats' files, whatever their name", async () => {
    await writeSafetensors(path, { w: { dtype: "float32", shape: [2], data: Float32Array.of(1, 2) } });
    expect(recognizeFormat(path)).toBe("safetensors");
    await writeSafetensors(path, {});
    expect(recognizeFormat(path)).toBe("safetensors");
    expect(recognizeFormat(fileURLToPath(new URL("fixtures/every-type.gguf", import.meta.url)))).toBe("gguf");
  });

  it.each<[string, Bytes, string]>([
    ["nothing", new Bytes(), "unknown"],
    ["text", new Bytes().text("hello world. (really)\n"), "unknown"],
    ["text in brackets", new Bytes().text("(see below)."), "unknown"],
    ["JSON", new Bytes().text('{"a": 1}'), "unknown"],
    ["an index", new Bytes().text('{\n "metadata": {},\n "weight_map": {}}'), "safetensors-index"],
    ["npy", new Bytes().u8(0x93).text("NUMPY").u8(1, 0), "npy"],
    ["npz", zipped("arr_0.npy"), "npz"],
    ["a Torch zip", zipped("archive/data.pkl"), "torch-zip"],
    ["a zip of anything", zipped("readme.txt"), "zip"],
    ["an empty zip", new Bytes().text("PK\x05\x06").zeros(18), "zip"],
    [
      "a Torch file of old",
      new Bytes().u8(0x80, 2, 0x8a, 10).u8(0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 46),
      "torch-legacy",
    ],
    ["a pickle of protocol 4", new Bytes().u8(0x80, 4, 0x95).zeros(8).text("N."), "pickle"],
    ["a pickle of protocol 0", new Bytes().text("cos\nsystem\n(S'ls'\ntR."), "pickle"],
    ["a call of protocol 0", new Bytes().text("(S'ls'\nios\nsystem\n."), "pickle"],
    ["a dict of protocol 0", new Bytes().text("(dp0\nVa\np1\nI1\ns."), "pickle"],
    ["a list of protocol 1", new Bytes().text("]q\x00."), "pickle"],
    ["gzip", new Bytes().u8(0x1f, 0x8b, 8), "compressed"],
    ["zlib", new Bytes().u8(0x78, 0x9c), "compressed"],
    ["xz", new Bytes().u8(0xfd).text("7zXZ\0"), "compressed"],
    ["lz4", new Bytes().u8(4, 0x22, 0x4d, 0x18), "compressed"],
    ["an unknown field", new Bytes().u8(8, 7, 0x68, 1), "unknown"],
    [
      "a model whose first text is long",
      new Bytes().u8(8, 8, 0x32, 0x88, 0x27).zeros(5000).u8(0x3a, 0),
      "onnx",
    ],
    ["a text that ends with the file", new Bytes().u8(8, 8, 0x32, 0x88, 0x27).zeros(5000), "unknown"],
  ])("of %s", (_, bytes, format) => {
    expect(recognizeFormat(bytes.end())).toBe(format);
    writeFileSync(path, bytes.end());
    expect(recognizeFormat(path)).toBe(format);
  });

  it("looks at every entry of an archive: torch finds its pickle wherever it is", () => {
    writeFileSync(path, zipped("a.npy", "x.txt").end());
    expect(recognizeFormat(path)).toBe("npz");
    writeFileSync(path, zipped("a.npy", "x/DATA.PKL").end());
    expect(recognizeFormat(path)).toBe("torch-zip");
    writeFileSync(path, zipped("a.npy").end().subarray(0, -1));
    expect(recognizeFormat(path)).toBe("zip");
  });

  it("refuses what is no file", () => {
    expect(codeOf(() => recognizeFormat(folder))).toBe("FILE_UNREADABLE");
  });
});
