import { copyFileSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { readSafetensors, type Tensor, verifySafetensors, writeSafetensors } from "../lib/index.js";
import { openWhole } from "../lib/safetensors/open-whole.js";
import { codeOf } from "./support/code-of.js";
import { temporaryFolder } from "./support/folder.js";
import { randomBitPatterns } from "./support/random.js";

const folder = temporaryFolder();
const floats = (length: number, seed: number): Tensor => ({
  dtype: "float32",
  shape: [length],
  data: randomBitPatterns(length, seed),
});
const tensors = new Map<string, Tensor>([
  ["a", floats(100, 1)],
  ["b", floats(50, 2)],
  ["__proto__", floats(70, 3)],
  ["d", floats(200, 4)],
  ["e", { dtype: "int8", shape: [0], data: new Int8Array() }],
]);
const bits = (all: ReadonlyMap<string, Tensor>) =>
  Object.fromEntries(
    [...all].map(([name, { data }]) => [
      `t:${name}`,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex"),
    ]),
  );

describe.each([true, false])("a file, with mmap: %s", (mmap) => {
  const path = join(folder, `one-${mmap}.safetensors`);
  const matrix: Tensor = {
    dtype: "int16",
    shape: [4, 3],
    data: Int16Array.from({ length: 12 }, (_, i) => i),
  };

  it("gives slices along the first axis", async () => {
    const packed: Tensor = { dtype: "float4e2m1", shape: [2, 3], data: Uint8Array.of(1, 2, 3) };
    await writeSafetensors(path, {
      matrix,
      scalar: { dtype: "int8", shape: [], data: Int8Array.of(1) },
      packed,
    });
    const file = readSafetensors(path, { mmap });
    expect(file.slice("matrix", 1, 3)).toEqual({
      dtype: "int16",
      shape: [2, 3],
      data: Int16Array.of(3, 4, 5, 6, 7, 8),
    });
    expect(file.slice("matrix", 3).data).toEqual(Int16Array.of(9, 10, 11));
    expect(file.slice("matrix", 4).shape).toEqual([0, 3]);
    for (const [begin, end] of [
      [-1, 2],
      [3, 2],
      [0, 5],
      [0.5, 1],
    ])
      expect(() => file.slice("matrix", begin!, end)).toThrow(/rows within 0 to 4/);
    expect(() => file.slice("none", 0)).toThrow(RangeError);
    expect(() => file.slice("scalar", 0)).toThrow(/at least one axis/);
    expect(() => file.slice("packed", 0, 1)).toThrow(/whole bytes/);
    file.close();
  });

  it("says what it holds without reading it, and nothing once it is closed", async () => {
    await writeSafetensors(path, { matrix });
    const file = readSafetensors(path, { mmap });
    expect([...file.entries]).toEqual([
      [
        "matrix",
        { dtype: "int16", shape: [4, 3], byteLength: 24, file: 0, offset: readFileSync(path).length - 24 },
      ],
    ]);
    file.close();
    expect(codeOf(() => file.tensors.get("matrix"))).toBe("FILE_CLOSED");
  });

  it("is handed out tensor by tensor, with progress, until somebody stops it", async () => {
    await writeSafetensors(path, tensors);
    const file = readSafetensors(path, { mmap });
    const steps: number[] = [];
    const names: string[] = [];
    for await (const [name] of file.iterate({ onProgress: ({ done, total }) => steps.push(done / total!) }))
      names.push(name);
    expect(names.sort()).toEqual([...tensors.keys()].sort());
    expect(steps.at(-1)).toBe(1);
    const controller = new AbortController();
    const seen: string[] = [];
    const work = (async () => {
      for await (const [name] of file.iterate({ signal: controller.signal })) {
        seen.push(name);
        if (seen.length === 2) controller.abort(new Error("enough"));
      }
    })();
    await expect(work).rejects.toThrow("enough");
    expect(seen.length).toBe(2);
    file.close();
  });

  it("can be written over from its own tensors", async () => {
    await writeSafetensors(path, tensors);
    const file = readSafetensors(path, { mmap });
    await writeSafetensors(path, file.tensors);
    expect(bits(file.tensors)).toEqual(bits(tensors));
    file.close();
    const again = readSafetensors(path, { mmap });
    expect(bits(again.tensors)).toEqual(bits(tensors));
    again.close();
  });
});

/** By a file of its own, as writers do. */
function replaceIndex(path: string): void {
  copyFileSync(path, `${path}.new`);
  renameSync(`${path}.new`, path);
}

describe("a set", () => {
  const path = join(folder, "model.safetensors");

  it("keeps to the size, goes by the ecosystem's names and reads as one file", async () => {
    const paths = await writeSafetensors(path, tensors, { maxShardSize: 700, metadata: { format: "pt" } });
    expect(paths.map((one) => one.slice(folder.length + 1))).toEqual([
      "model.safetensors.index.json",
      "model-00001-of-00003.safetensors",
      "model-00002-of-00003.safetensors",
      "model-00003-of-00003.safetensors",
    ]);
    const index = JSON.parse(readFileSync(paths[0]!, "utf8"));
    expect(index.metadata.total_size).toBe(420 * 4);
    expect(index.weight_map.d).toBe("model-00003-of-00003.safetensors");
    const file = readSafetensors(paths[0]!);
    expect(bits(file.tensors)).toEqual(Object.fromEntries(Object.entries(bits(tensors)).sort()));
    expect([file.metadata, file.paths.length]).toEqual([{ format: "pt" }, 3]);
    file.close();
  });

  it("stays whole until its index is replaced, and leaves nothing behind", async () => {
    const own = join(folder, "replaced");
    const target = join(own, "model.safetensors");
    const names = (count: number, tag = "") =>
      Array.from({ length: count }, (_, i) => `model${tag}-0000${i + 1}-of-0000${count}.safetensors`);
    const write = async (maxShardSize: number) => {
      await writeSafetensors(target, tensors, { maxShardSize });
      return readdirSync(own).filter((name) => !name.endsWith(".json"));
    };
    expect(await write(700)).toEqual(names(3));
    // The names of the old set's shards are taken until the new set is there.
    const old = readSafetensors(`${target}.index.json`);
    expect(await write(700)).toEqual(names(3, ".b"));
    expect(bits(old.tensors)).toEqual(bits(readSafetensors(`${target}.index.json`).tensors));
    expect(await write(700)).toEqual(names(3));
    expect(await write(900)).toEqual(names(2));
  });

  it("is opened again where it was replaced meanwhile, and not for ever", async () => {
    const target = join(folder, "moving.safetensors");
    const [index] = await writeSafetensors(target, tensors, { maxShardSize: 700 });
    const closed: number[] = [];
    let opened = 0;
    const open = (replacements: number) => () => {
      const number = ++opened;
      if (number <= replacements) replaceIndex(index!);
      if (number === 1) throw new Error("a shard is gone");
      return { close: () => void closed.push(number), number };
    };
    expect(openWhole(index!, open(2)).number).toBe(3);
    expect(closed).toEqual([2]);
    expect(codeOf(() => openWhole(index!, open(Number.POSITIVE_INFINITY)))).toBe("INDEX_INVALID");
    opened = 0;
    expect(() => openWhole(index!, open(0))).toThrow("a shard is gone");
  });

  it("takes the place of a single file, which loaders would look at first", async () => {
    const target = join(folder, "single", "model.safetensors");
    await writeSafetensors(target, tensors);
    const single = readSafetensors(target);
    await writeSafetensors(target, single.tensors, { maxShardSize: 900 });
    expect(bits(readSafetensors(`${target}.index.json`).tensors)).toEqual(bits(tensors));
    expect(readdirSync(dirname(target))).not.toContain("model.safetensors");
    single.close();
  });

  it("is one file when everything fits", async () => {
    expect(
      await writeSafetensors(join(folder, "fits.safetensors"), tensors, { maxShardSize: 1680 }),
    ).toHaveLength(1);
  });

  it("leaves no file when it cannot be finished", async () => {
    const before = readdirSync(folder);
    const controller = new AbortController();
    const work = writeSafetensors(join(folder, "stopped.safetensors"), tensors, {
      maxShardSize: 300,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("stop")),
    });
    await expect(work).rejects.toThrow("stop");
    expect(readdirSync(folder)).toEqual(before);
  });

  it.each(["a:b", "a\nb"])("refuses the name %j, whose shards no index may name", async (name) => {
    const work = writeSafetensors(join(folder, `${name}.safetensors`), tensors, { maxShardSize: 700 });
    await expect(work).rejects.toThrow(/a file name without/);
  });

  it("refuses more shards than an index may name", async () => {
    const many = new Map(Array.from({ length: 10_001 }, (_, i) => [String(i), floats(1, i)]));
    const work = writeSafetensors(path, many, { maxShardSize: 4 });
    await expect(work).rejects.toThrow(/at most 10000 files for maxShardSize but received 4/);
  });

  it.each([0, 1.5, -1, Number.NaN])("refuses shards of %s bytes", async (maxShardSize) => {
    await expect(writeSafetensors(path, tensors, { maxShardSize })).rejects.toThrow(RangeError);
  });
});

describe("checksums", () => {
  const path = join(folder, "sums.safetensors");

  it("agree with what was written, also in a set, and name what was damaged", async () => {
    for (const maxShardSize of [undefined, 500]) {
      const [first] = await writeSafetensors(path, tensors, { checksums: true, maxShardSize });
      expect(await verifySafetensors(first!)).toMatchObject({
        ok: true,
        damaged: [],
        missing: [],
        unchecked: [],
      });
    }
    await writeSafetensors(path, tensors, { checksums: true });
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    const { ok, damaged, intact } = await verifySafetensors(path, { mmap: false });
    expect([ok, damaged.map(({ name }) => name), intact.length]).toEqual([false, ["d"], 4]);
  });

  it("see a changed header, and tensors that came or went", async () => {
    await writeSafetensors(
      path,
      { w: { dtype: "uint8", shape: [2], data: Uint8Array.of(1, 2) } },
      { checksums: true },
    );
    const text = readFileSync(path, "latin1");
    writeFileSync(path, text.replace('"dtype":"U8"', '"dtype":"I8"'), "latin1");
    expect((await verifySafetensors(path)).damaged[0]?.name).toBe("w");
    writeFileSync(path, text.replace('"w":', '"v":'), "latin1");
    expect(await verifySafetensors(path)).toMatchObject({ ok: false, unchecked: ["v"], missing: ["w"] });
  });

  it("of another file are not carried over", async () => {
    await writeSafetensors(path, tensors, { checksums: true });
    const { metadata } = readSafetensors(path);
    await writeSafetensors(path, { a: floats(3, 9) }, { metadata });
    expect(Object.keys(readSafetensors(path).metadata)).toEqual([]);
  });
});
