import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { loadNative } from "../lib/backends/native.js";
import { mapFile } from "../lib/files/map-file.js";
import { ModelFormatError, readSafetensors, writeSafetensors } from "../lib/index.js";
import { DTYPES, type Header, readHeader } from "../lib/safetensors/header.js";
import { readPlainHeader } from "../lib/safetensors/plain-header.js";
import { applyEdits, EDIT_KINDS, repairSafetensors } from "../scripts/fuzz/edits.mjs";
import { temporaryFolder } from "./support/folder.js";
import { entry, safetensorsBytes } from "./support/safetensors-bytes.js";

const folder = temporaryFolder();
const path = join(folder, "file.safetensors");
const hasAddon = loadNative().formats !== undefined && process.platform !== "win32";

const listed = ({ entries, metadata }: Header) => ({ entries: [...entries], metadata: [...metadata] });

/** What either reader makes of the file at `path`; an error stands for itself. */
function readTwice() {
  const file = mapFile(path);
  const plain = readPlainHeader(file, 0);
  let whole: ReturnType<typeof listed> | ModelFormatError;
  try {
    whole = listed(readHeader(file, 0));
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
    whole = error;
  }
  file.close();
  return { plain: plain && listed(plain), whole };
}

const two = (a: string, b: string) => `{"a":${a},"b":${b}}`;
const one = (dtype: string, shape: string, offsets: string) => `{"a":${entry(dtype, shape, offsets)}}`;
const metadata = (text: string) => `{"__metadata__":${text},"a":${entry("I8", "[1]", "[0,1]")}}`;

describe.skipIf(!hasAddon)("the addon's reader of headers", () => {
  test.each([...DTYPES.keys()])("knows %s as JavaScript's does", (dtype) => {
    const header = one(dtype, "[3,8]", "[0,0]");
    const bits = [1, 2, 3, 4, 6, 8, 16, 32, 64].filter((width) => {
      writeFileSync(path, safetensorsBytes(header.replace("0]}", `${3 * width}]}`), 3 * width));
      const { plain, whole } = readTwice();
      if (plain) expect(plain).toEqual(whole);
      return plain !== undefined;
    });
    expect(bits).toHaveLength(1);
  });

  test.each<[string, string, number]>([
    ["no tensor", "{}", 0],
    ["tensors in order", two(entry("F32", "[2,1]", "[0,8]"), entry("I8", "[]", "[8,9]")), 9],
    ["empty tensors", two(entry("F32", "[0,9]", "[0,0]"), entry("I8", "[1]", "[0,1]")), 1],
    ["64 sizes", one("I8", `[${Array(64).fill(1)}]`, "[0,1]"), 1],
    ["metadata", metadata('{"format":"pt","":"~ "}'), 1],
    ["metadata without a key", metadata("{}"), 1],
    [
      "names that JavaScript gives its objects",
      two(entry("I8", "[]", "[0,1]"), entry("I8", "[]", "[1,2]")).replace('"a"', '"__proto__"'),
      2,
    ],
  ])("reads %s, with white space and without", (_, header, dataBytes) => {
    for (const text of [header, `${header.replaceAll(/([:,[{}\]])/g, " $1\n\t\r").trimStart()}  `]) {
      writeFileSync(path, safetensorsBytes(text, dataBytes));
      const { plain, whole } = readTwice();
      expect(plain).toEqual(whole);
      expect(plain).toBeDefined();
    }
  });

  test.each<[string, string, number]>([
    ["tensors in another order", two(entry("I8", "[3]", "[4,7]"), entry("F32", "[1]", "[0,4]")), 7],
    [
      "an empty tensor after what begins there",
      two(entry("I8", "[3]", "[0,3]"), entry("I8", "[0]", "[0,0]")),
      3,
    ],
    ["fields in another order", '{"a":{"shape":[1],"dtype":"I8","data_offsets":[0,1]}}', 1],
    ["an escape", one("I8", "[1]", "[0,1]").replace("a", "\\u0061"), 1],
    ["a name beyond ASCII", one("I8", "[1]", "[0,1]").replace("a", "é"), 1],
    ["65 sizes", one("I8", `[${Array(65).fill(1)}]`, "[0,1]"), 1],
    ["a zero after sizes that are too large", one("I8", "[99999999,999999999,0]", "[0,0]"), 0],
  ])("leaves %s to JavaScript's, which takes it", (_, header, dataBytes) => {
    writeFileSync(path, safetensorsBytes(header, dataBytes));
    const { plain, whole } = readTwice();
    expect(plain).toBeUndefined();
    expect(whole).not.toBeInstanceOf(ModelFormatError);
  });

  test.each<[string, string, number]>([
    ["a name twice", `{"a":${entry("I8", "[1]", "[0,1]")},"a":${entry("I8", "[1]", "[1,2]")}}`, 2],
    ["a key of the metadata twice", metadata('{"k":"1","k":"2"}'), 1],
    ["the metadata twice", `{"__metadata__":{},"__metadata__":{}}`, 0],
    ["metadata that look like a tensor", `{"__metadata__":${entry("I8", "[1]", "[0,1]")}}`, 1],
    ["a size with a zero before it", one("I8", "[01]", "[0,1]"), 1],
    ["a size without digits", one("I8", "[1,]", "[0,1]"), 1],
    ["a size below zero", one("I8", "[-1]", "[0,1]"), 1],
    ["a size of 16 digits", one("I8", "[1000000000000000]", "[0,1000000000000000]"), 1],
    ["a size that no double holds", one("I8", "[9007199254740993]", "[0,1]"), 1],
    ["sizes with too large a product", one("I8", "[999999999999999,999999999999999]", "[0,1]"), 1],
    ["a product of 2^64", one("I8", "[4294967296,4294967296]", "[0,0]"), 0],
    ["an unknown type", two(entry("I8", "[1]", "[0,1]"), entry("F7", "[1]", "[1,2]")), 2],
    ["half a byte", one("F4", "[3]", "[0,1]"), 1],
    ["an end before the begin", one("I8", "[1]", "[1,0]"), 1],
    ["three offsets", one("I8", "[1]", "[0,1,1]"), 1],
    ["one offset", one("I8", "[0]", "[0]"), 0],
    ["too few bytes", one("F32", "[1]", "[0,1]"), 1],
    ["shared bytes", two(entry("I8", "[2]", "[0,2]"), entry("I8", "[2]", "[1,3]")), 3],
    ["bytes of none between", two(entry("I8", "[1]", "[0,1]"), entry("I8", "[1]", "[2,3]")), 3],
    ["bytes of none at the end", one("I8", "[1]", "[0,1]"), 2],
    ["data past the end", one("I8", "[2]", "[0,2]"), 1],
    ["a comma too many", `{"a":${entry("I8", "[1]", "[0,1]")},}`, 1],
    ["no comma", `{"a":${entry("I8", "[1]", "[0,1]")}"b":${entry("I8", "[1]", "[1,2]")}}`, 2],
    ["a line break in a name", one("I8", "[1]", "[0,1]").replace("a", "a\nb"), 1],
    ["white space first", ` ${one("I8", "[1]", "[0,1]")}`, 1],
    ["text after the end", `${one("I8", "[1]", "[0,1]")}x`, 1],
    ["a header without end", '{"a":{"dtype":"I8"', 0],
  ])("leaves %s to JavaScript's, which refuses it", (_, header, dataBytes) => {
    writeFileSync(path, safetensorsBytes(header, dataBytes));
    const { plain, whole } = readTwice();
    expect(plain).toBeUndefined();
    expect(whole).toBeInstanceOf(ModelFormatError);
  });

  it("never takes what JavaScript's does not, nor otherwise", async () => {
    const tensors = Object.fromEntries(
      ["w", "b.0", "b.1"].map((name, i) => [
        name,
        { dtype: "int8", shape: [2, i], data: new Int8Array(2 * i) } as const,
      ]),
    );
    await writeSafetensors(path, tensors, { metadata: { format: "pt" }, checksums: true });
    const good = readFileSync(path);
    const edits = fc.array(
      fc.record({ kind: fc.constantFrom(...EDIT_KINDS), at: fc.nat(600), value: fc.nat(255) }),
      { minLength: 1, maxLength: 3 },
    );
    let taken = 0;
    fc.assert(
      fc.property(edits, (damage) => {
        writeFileSync(path, repairSafetensors(applyEdits(good, damage), 6));
        const { plain, whole } = readTwice();
        if (plain === undefined) return;
        taken++;
        expect(plain).toEqual(whole);
      }),
      { numRuns: 500, seed: 3 },
    );
    expect(taken).toBeGreaterThan(20);
  });

  it("reads a set as JavaScript's does, and looks names up", async () => {
    const data = new Float32Array(4);
    const [index] = await writeSafetensors(
      join(folder, "set.safetensors"),
      {
        a: { dtype: "float32", shape: [4], data },
        é: { dtype: "float32", shape: [4], data },
      },
      { maxShardSize: 16 },
    );
    const file = readSafetensors(index!);
    expect([...file.entries.keys()]).toEqual(["a", "é"]);
    expect(file.entries.get("a")).toMatchObject({ file: 0, byteLength: 16, shape: [4] });
    expect(file.tensors.get("é")?.data).toHaveLength(4);
    expect([file.entries.has("b"), file.entries.get("b"), file.entries.size]).toEqual([false, undefined, 2]);
    file.close();
  });
});
