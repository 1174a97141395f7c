import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { describePickle } from "../lib/cli/describe-pickle.js";
import { inspectPickle, type PickleSummary, writeNpz, writeSafetensors } from "../lib/index.js";
import { temporaryFolder } from "./support/folder.js";
import { Bytes, refusal } from "./support/refusal.js";
import { zip } from "./support/zip.js";

const path = join(temporaryFolder(), "file");
const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
/** What Python's own unpickler looked up in the same bytes. */
const vectors = JSON.parse(readFileSync(new URL("vectors/pickles.json", import.meta.url), "utf8")) as {
  protocols: Record<string, { bytes: string; imports: string[] }>;
  files: Record<string, string[]>;
};

const inspect = (bytes: string | Uint8Array) => {
  writeFileSync(path, typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  return inspectPickle(path);
};
const names = ({ imports }: PickleSummary) => imports.map(({ module, name }) => `${module}.${name}`);
const calls = ({ imports }: PickleSummary) => imports.map(({ name, calls: count }) => [name, count]);

describe("inspectPickle", () => {
  it.each(Object.entries(vectors.protocols))("lists what Python imports, protocol %s", (protocol, vector) => {
    const summary = inspect(Buffer.from(vector.bytes, "hex"));
    expect(summary).toMatchObject({
      format: "pickle",
      // The first two do not say which they are.
      protocol: protocol < "2" ? 0 : Number(protocol),
      verdict: "anything",
      problems: [],
    });
    expect(names(summary).sort()).toEqual(vector.imports.sort());
    expect(summary.imports[0]).toEqual({ module: "posix", name: "system", calls: 1, judgement: "anything" });
    expect(summary.imports.slice(1).every(({ judgement }) => judgement === "data")).toBe(true);
  });

  it.each([
    ["torch.pt", "torch-zip", "data"],
    ["torch-legacy.pt", "torch-legacy", "data"],
    ["joblib.joblib", "joblib", "anything"],
    ["joblib-zlib.joblib", "joblib", "anything"],
  ])("lists what Python imports, %s", (name, format, verdict) => {
    for (const mmap of [true, false]) {
      const summary = inspectPickle(fixture(name), { mmap });
      expect(summary).toMatchObject({ format, verdict, problems: [] });
      // torch looks up its storages by itself.
      const found = names(summary).filter((imported) => !imported.endsWith("Storage"));
      expect(found.sort()).toEqual(vectors.files[name]!.toSorted());
    }
  });

  it("counts calls", () => {
    expect(calls(inspectPickle(fixture("torch.pt")))).toEqual([
      ["OrderedDict", 3],
      ["_rebuild_tensor_v2", 2],
      ["FloatStorage", 0],
      ["BFloat16Storage", 0],
    ]);
    expect(inspectPickle(fixture("joblib-zlib.joblib")).compression).toBe("zlib");
  });

  it.each<[string, string, [string, number][]]>([
    ["GLOBAL and REDUCE", "cos\nsystem\n(S'ls'\ntR.", [["system", 1]]],
    ["INST", "(S'ls'\nios\nsystem\n.", [["system", 1]]],
    ["OBJ", "\x80\x02(cos\nsystem\nU\x02lso.", [["system", 1]]],
    ["NEWOBJ", "\x80\x02cos\nsystem\n)\x81.", [["system", 1]]],
    ["NEWOBJ_EX", "\x80\x04cos\nsystem\n)}\x92.", [["system", 1]]],
    ["BUILD of a module's function", "\x80\x02cos\nsystem\n}b.", [["system", 1]]],
    ["STACK_GLOBAL", "\x80\x04\x8c\x02os\x8c\x06system\x93.", [["system", 0]]],
    ["names from the memo", "\x80\x04\x8c\x06system\x94\x8c\x02os\x94h\x00\x93.", [["system", 0]]],
    ["names in escapes", "\x80\x04S'\\x6f\\163'\nV\\u0073ystem\n\x93.", [["system", 0]]],
    ["names remembered in protocol 0", "\x80\x04U\x02osp77\n0g77\nX\x06\0\0\0system\x93.", [["system", 0]]],
    ["names that are no text", "\x80\x04K\x01K\x02\x93.", [["?", 0]]],
    ["a call of what a call gave", "\x80\x02cbuiltins\ngetattr\n)R)R.", [["getattr", 2]]],
    [
      "the registry of extensions",
      "\x80\x02\x82\x05\x83\x01\x01\x84\x02\x00\x00\x00.",
      [
        ["5", 0],
        ["257", 0],
        ["2", 0],
      ],
    ],
    ["a second pickle", "\x80\x02N.\x80\x02cos\nsystem\n.", [["system", 0]]],
    ["what begins with another operation", "I0\n0cos\nsystem\n(S'ls'\ntR.", [["system", 1]]],
    ["what is thrown away", "\x80\x02cos\nsystem\n0N.", [["system", 0]]],
  ])("follows %s", (_, bytes, expected) => {
    const summary = inspect(bytes);
    expect(summary).toMatchObject({ verdict: "anything", problems: [] });
    expect(calls(summary)).toEqual(expected);
  });

  it("finds what hides where joblib reads an array and pickle reads on", () => {
    const text = (value: string) => `\x8c${String.fromCharCode(value.length)}${value}`;
    const wrapper = `\x80\x04${text("joblib.numpy_pickle")}${text("NumpyArrayWrapper")}\x93)\x81`;
    const dtype = `${text("numpy")}${text("dtype")}\x93${text("u1")}\x85R`;
    const hidden = "cos\nsystem\n0.";
    const shape = `K${String.fromCharCode(hidden.length)}\x85`;
    const summary = inspect(`${wrapper}}(${text("shape")}${shape}${text("dtype")}${dtype}ub${hidden}.`);
    expect(summary).toMatchObject({ format: "joblib", verdict: "anything", problems: [] });
    expect(names(summary)).toContain("os.system");
  });

  it("calls nothing harmless whose name only looks like it", () => {
    const judged = (bytes: string) => inspect(bytes).imports[0]!.judgement;
    expect(judged("\x80\x02cnumpy\ndtype\n.")).toBe("data");
    expect(judged("\x80\x02ctorch\nHalfStorage\n.")).toBe("data");
    for (const [module, name] of [
      ["numpy", "dtype.__call__"],
      ["numpy", "load"],
      ["builtins", "eval"],
      ["builtins", "toString"],
      ["toString", "call"],
      ["torch", "load"],
      ["torch.storage", "_load_from_bytes"],
      ["torchx", "FloatStorage"],
      ["torch", "os.FloatStorage"],
    ])
      expect(judged(`\x80\x02c${module}\n${name}\n.`), `${module}.${name}`).toBe("anything");
  });

  it("looks into zip archives, also where checksums are wrong", () => {
    const data = Buffer.from("\x80\x02cos\nsystem\n.", "latin1");
    const packed = { data: deflateRawSync(data), method: 8, crc: crc32(data), size: data.byteLength };
    const readme = { name: "a.txt", data: Buffer.from("x") };
    expect(inspect(zip([readme, { name: "x/data.pkl", data }]))).toMatchObject({
      format: "torch-zip",
      verdict: "anything",
      problems: [],
    });
    expect(inspect(zip([readme, { name: "x.pkl", ...packed }]))).toMatchObject({
      format: "zip",
      verdict: "anything",
    });
    const damaged = inspect(zip([{ name: "x/data.pkl", data, crc: 1 }]));
    expect(damaged).toMatchObject({ verdict: "anything", imports: [{ name: "system" }] });
    expect(damaged.problems).toEqual([expect.stringMatching(/x\/data\.pkl: the checksum does not fit/)]);
  });

  it("looks into gzip, and says what it cannot look into", () => {
    const pickled = Buffer.from("\x80\x02N.", "latin1");
    expect(inspect(gzipSync(pickled))).toMatchObject({
      format: "pickle",
      compression: "gzip",
      verdict: "data",
    });
    expect(inspect("BZh91AY")).toMatchObject({
      format: "compressed",
      compression: "bzip2",
      verdict: "unclear",
      problems: [expect.stringMatching(/bzip2 cannot be looked into/)],
    });
    expect(inspect(gzipSync(pickled).subarray(0, 12))).toMatchObject({
      format: "compressed",
      verdict: "unclear",
    });
  });

  it("lists the imports of what could be decompressed of it", () => {
    const large = Buffer.concat([
      Buffer.from("\x80\x02cos\nsystem\n0B", "latin1"),
      new Bytes()
        .u32(2 ** 25)
        .zeros(2 ** 25)
        .text("cnumpy\ndtype\n.")
        .end(),
    ]);
    const cut = gzipSync(large);
    for (const bytes of [deflateSync(large), cut.subarray(0, 8000)]) {
      const summary = inspect(bytes);
      expect(summary).toMatchObject({ format: "pickle", verdict: "anything", imports: [{ name: "system" }] });
      expect(summary.problems).toEqual([
        expect.stringMatching(/more than 16777216 bytes|not.* be decompressed to its end/),
        expect.stringMatching(/ends inside an operation/),
      ]);
    }
  });

  it("says where it could not go on, and what follows a pickle", () => {
    const cut = inspect("\x80\x02cnumpy\ndtype\n)");
    expect(cut).toMatchObject({ verdict: "unclear", imports: [{ module: "numpy", name: "dtype" }] });
    expect(cut.problems).toEqual([expect.stringMatching(/^byte 16: the pickle ends.*not looked at/)]);
    const trailing = inspect("\x80\x02N.abc");
    expect(trailing).toMatchObject({ verdict: "data", problems: [expect.stringMatching(/^3 bytes follow/)] });
  });

  it("knows pickles of old protocols by their operations, and what runs before one that fails", () => {
    for (const value of ["N.", "I01\n.", "F1.5\n.", "X\x02\0\0\0ab.", ").", "G\x3f\xf8\0\0\0\0\0\0."])
      expect(inspect(value)).toMatchObject({ format: "pickle", verdict: "data", imports: [] });
    expect(inspect("I0\n0cos\nsystem\n(tR\xff")).toMatchObject({ verdict: "anything" });
    writeFileSync(path, gzipSync("I0\n0cos\nsystem\n(tR."));
    expect(inspectPickle(path)).toMatchObject({ compression: "gzip", verdict: "anything" });
  });

  it("refuses what holds no pickle", async () => {
    const code = () => refusal(() => inspectPickle(path))?.code;
    await writeSafetensors(path, {});
    expect(code()).toBe("FORMAT_UNKNOWN");
    await writeNpz(path, { w: { dtype: "int8", shape: [1], data: Int8Array.of(1) } });
    expect(code()).toBe("FORMAT_UNKNOWN");
    writeFileSync(path, zip([{ name: "a.txt", data: Buffer.from("x") }]));
    expect(code()).toBe("FORMAT_UNKNOWN");
    writeFileSync(path, gzipSync("hello"));
    expect(code()).toBe("FORMAT_UNKNOWN");
    for (const text of ["hello", "N.B. this is text", "could be\nanything"]) {
      writeFileSync(path, text);
      expect(code()).toBe("FORMAT_UNKNOWN");
    }
  });
});

describe("describePickle", () => {
  it("names imports, the verdict and a way to convert", () => {
    const torch = describePickle("torch.pt", inspectPickle(fixture("torch.pt")));
    for (const text of [
      "torch.save",
      "builds arrays",
      "torch._utils._rebuild_tensor_v2",
      "weights_only=True",
    ])
      expect(torch).toContain(text);
    const joblib = describePickle("m.joblib", inspectPickle(fixture("joblib-zlib.joblib")));
    for (const text of ["joblib", "(zlib)", "builtins.print", "can run anything", "sandbox"])
      expect(joblib).toContain(text);
  });

  it("prints no escape of a file, and not a million lines", () => {
    const imports = Array.from({ length: 300 }, (_, i) => `cm\nn\x1b[31m${i}\n`).join("");
    const text = describePickle("x\x1b]0;.pkl", inspect(`\x80\x02(${imports}t.`));
    expect(text).not.toContain("\x1b");
    expect(text).toContain("and 100 more");
  });
});
