import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { loadNative } from "../lib/backends/native.js";
import { mapFile } from "../lib/files/map-file.js";
import { ModelFormatError, readSafetensors, writeSafetensors } from "../lib/index.js";
import { DTYPES } from "../lib/safetensors/entry.js";
import { type Header, readHeader } from "../lib/safetensors/header.js";
import { readFileHeader } from "../lib/safetensors/native-header.js";
import { applyEdits, EDIT_KINDS, repairSafetensors } from "../scripts/fuzz/edits.mjs";
import { temporaryFolder } from "./support/folder.js";
import { entry, safetensorsBytes } from "./support/safetensors-bytes.js";

const folder = temporaryFolder();
const path = join(folder, "file.safetensors");
const hasAddon = loadNative().formats !== undefined && process.platform !== "win32";

/** What a reader makes of a header, or says is wrong with it. */
function outcome(read: () => Header) {
  try {
    const { entries, metadata } = read();
    return { entries: [...entries], metadata: [...metadata] };
  } catch (error) {
    if (!(error instanceof ModelFormatError)) throw error;
    const { code, message, field, offset } = error;
    return { code, message, field, offset };
  }
}

/** What either reader makes of the file at `path`, and whether the addon takes it, refuses it, or leaves it to JavaScript's. */
function readTwice() {
  const file = mapFile(path);
  const found = loadNative().formats!.readSafetensorsHeader(file.descriptor!, file.size);
  const verdict = found === undefined ? "leaves" : "names" in found ? "takes" : "refuses";
  const addon = outcome(() => readFileHeader(file, 0));
  const script = outcome(() => readHeader(file, 0));
  file.close();
  return { verdict, addon, script };
}

function write(header: string, dataBytes: number): void {
  writeFileSync(path, safetensorsBytes(header, dataBytes));
}

const two = (a: string, b: string) => `{"a":${a},"b":${b}}`;
const one = (dtype: string, shape: string, offsets: string) => `{"a":${entry(dtype, shape, offsets)}}`;
const metadata = (text: string) => `{"__metadata__":${text},"a":${entry("I8", "[1]", "[0,1]")}}`;

describe.skipIf(!hasAddon)("the addon's reader of headers", () => {
  test.each([...DTYPES.keys()])("knows %s as JavaScript's does", (dtype) => {
    const header = one(dtype, "[3,8]", "[0,0]");
    const bits = [1, 2, 3, 4, 6, 8, 16, 32, 64].filter((width) => {
      write(header.replace("0]}", `${3 * width}]}`), 3 * width);
      const { verdict, addon, script } = readTwice();
      expect(addon).toEqual(script);
      return verdict === "takes";
    });
    expect(bits).toHaveLength(1);
  });

  test.each<[string, string, number]>([
    ["no tensor", "{}", 0],
    ["tensors in order", two(entry("F32", "[2,1]", "[0,8]"), entry("I8", "[]", "[8,9]")), 9],
    ["empty tensors", two(entry("F32", "[0,9]", "[0,0]"), entry("I8", "[1]", "[0,1]")), 1],
    ["64 sizes", one("I8", `[${Array(64).fill(1)}]`, "[0,1]"), 1],
    ["tensors in another order", two(entry("I8", "[3]", "[4,7]"), entry("F32", "[1]", "[0,4]")), 7],
    [
      "an empty tensor after what begins there",
      two(entry("I8", "[3]", "[0,3]"), entry("I8", "[0]", "[0,0]")),
      3,
    ],
    ["fields in another order", '{"a":{"shape":[1],"dtype":"I8","data_offsets":[0,1]}}', 1],
    ["a zero after sizes that are too large", one("I8", "[99999999,999999999,0]", "[0,0]"), 0],
    [
      "a zero after sizes of an infinite product",
      one("I8", `[${Array(60).fill(9007199254740991)},0]`, "[0,0]"),
      0,
    ],
    ["metadata", metadata('{"format":"pt","":"~ "}'), 1],
    ["metadata without a key", metadata("{}"), 1],
    [
      "names that JavaScript gives its objects",
      two(entry("I8", "[]", "[0,1]"), entry("I8", "[]", "[1,2]")).replace('"a"', '"__proto__"'),
      2,
    ],
  ])("reads %s, with white space and without", (_, header, dataBytes) => {
    for (const text of [header, `${header.replaceAll(/([:,[{}\]])/g, " $1\n\t\r").trimStart()}  `]) {
      write(text, dataBytes);
      const { verdict, addon, script } = readTwice();
      expect(verdict).toBe("takes");
      expect(addon).toEqual(script);
    }
  });

  test.each<[string, string, number]>([
    ["an escape", one("I8", "[1]", "[0,1]").replace("a", "\\u0061"), 1],
    ["a name beyond ASCII", one("I8", "[1]", "[0,1]").replace("a", "é"), 1],
    ["a pair of escapes", one("I8", "[1]", "[0,1]").replace("a", "\\ud83d\\ude00"), 1],
    ["an escape in a field", one("I8", "[1]", "[0,1]").replace("dtype", "\\u0064type"), 1],
    ["every short escape", metadata('{"\\"\\\\\\/\\b\\f\\n\\r\\t":"\\uD7ff\\uFFFF"}'), 1],
  ])("leaves %s to JavaScript's, which takes it", (_, header, dataBytes) => {
    write(header, dataBytes);
    const { verdict, script } = readTwice();
    expect(verdict).toBe("leaves");
    expect(script).toHaveProperty("entries");
  });

  test.each<[string, string | Uint8Array, number]>([
    ["65 sizes", one("I8", `[${Array(65).fill(1)}]`, "[0,1]"), 1],
    ["a name twice, once escaped", two(entry("I8", "[1]", "[0,1]"), "{}").replace('"b"', '"\\u0061"'), 1],
    ["half a character", one("I8", "[1]", "[0,1]").replace("a", "é\\ud800é"), 1],
    ["half a character first", one("I8", "[1]", "[0,1]").replace("a", "\\udc00\\ud800"), 1],
    ["half a character in a string without end", '{"\\ud800', 0],
    ["an escape that does not exist", one("I8", "[1]", "[0,1]").replace("a", "é\\x"), 1],
    ["an escape of no number", one("I8", "[1]", "[0,1]").replace("a", "\\u00g0"), 1],
    ["a type with an escape", one("\\u0046\\u0037", "[1]", "[0,1]"), 1],
    ["text that is not UTF-8", Buffer.from([...Buffer.from('{"a'), 0xc0, 0x80, 0x22, 0x7d]), 0],
    ["half a character of UTF-8", Buffer.from([...Buffer.from('{"a'), 0xed, 0xa0, 0x80, 0x22, 0x7d]), 0],
    ["UTF-8 cut short", Buffer.from([...Buffer.from('{"a'), 0xf0, 0x9f, 0x98]), 0],
    ["a fault behind a name beyond ASCII", `{"é":{},"b":{}}`, 0],
    ["a field twice", '{"a":{"dtype":"I8","dtype":"I8"}}', 0],
    ["a field that is not known", '{"a":{"é":"I8"}}', 0],
    ["no field", '{"a":{}}', 0],
    ["metadata of a number", metadata('{"k":"1","l":2}'), 1],
    ["metadata without end", '{"__metadata__":{"k":"1"', 0],
    ["shared bytes in another order", two(entry("I8", "[2]", "[1,3]"), entry("I8", "[2]", "[0,2]")), 3],
    ["a fraction", one("I8", "[1.0]", "[0,1]"), 1],
    ["an exponent", one("I8", "[1E2]", "[0,1]"), 1],
    ["nothing", "", 0],
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
  ])("refuses %s in the words of JavaScript's", (_, header, dataBytes) => {
    writeFileSync(path, safetensorsBytes(header, dataBytes));
    const { verdict, addon, script } = readTwice();
    expect(verdict).toBe("refuses");
    expect(addon).toHaveProperty("code");
    expect(addon).toEqual(script);
  });

  it("says of damaged headers what JavaScript's says", async () => {
    const tensors = Object.fromEntries(
      ["w", "b.0", "b.1", "é"].map((name, i) => [
        name,
        { dtype: "int8", shape: [2, i], data: new Int8Array(2 * i) } as const,
      ]),
    );
    await writeSafetensors(path, tensors, { metadata: { format: "pt", "a\nb": "\u0001" }, checksums: true });
    const odd = readFileSync(path);
    const { é: _, ...plain } = tensors;
    await writeSafetensors(path, plain, { metadata: { format: "pt" }, checksums: true });
    const files = [
      { bytes: odd, dataBytes: 12 },
      { bytes: readFileSync(path), dataBytes: 6 },
    ];
    const edits = fc.array(
      fc.record({ kind: fc.constantFrom(...EDIT_KINDS), at: fc.nat(600), value: fc.nat(255) }),
      { minLength: 1, maxLength: 3 },
    );
    const verdicts = { takes: 0, refuses: 0, leaves: 0 };
    fc.assert(
      fc.property(edits, fc.constantFrom(...files), (damage, { bytes, dataBytes }) => {
        writeFileSync(path, repairSafetensors(applyEdits(bytes, damage), dataBytes));
        const { verdict, addon, script } = readTwice();
        verdicts[verdict as keyof typeof verdicts]++;
        expect(addon).toEqual(script);
        if (verdict !== "leaves") expect("code" in script).toBe(verdict === "refuses");
      }),
      { numRuns: 800, seed: 3 },
    );
    expect(Math.min(...Object.values(verdicts))).toBeGreaterThan(10);
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
