import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadNative, type NativeFiles } from "../lib/backends/native.js";
import { copyRegion, type MappedFile, mapFile } from "../lib/files/map-file.js";
import { chunksOf, viewAs } from "../lib/tensor.js";
import { temporaryFolder } from "./support/folder.js";

const folder = temporaryFolder();
const path = join(folder, "file #é.bin");
writeFileSync(
  path,
  Uint8Array.from({ length: 10_000 }, (_, i) => i),
);
const hasAddon = loadNative().files !== undefined;

describe.skipIf(!hasAddon)("the binding", () => {
  const { mapFile: map } = loadNative().files ?? ({} as NativeFiles);
  it.each<[string, unknown[], RegExp]>([
    ["no path", [0, 1, 0, 1], /path/],
    ["no descriptor", ["0", "", 0, 1], /number/],
    ["an offset between pages", [0, "", 4097, 1], /64 KiB/],
    ["an empty range", [0, "", 0, 0], /size/],
    ["a size past all memory", [0, "", 0, 2 ** 53], /size/],
    ["a fraction", [0, "", 0, 1.5], /size/],
    ["a closed descriptor", [-1, "", 0, 1], /mmap|CreateFile/],
  ])("refuses %s", (_, args, message) => {
    expect(() => (map as (...all: never[]) => unknown)(...(args as never[]))).toThrow(message);
  });

  it.skipIf(process.platform === "win32")("opens regular files, and leaves nothing open of others", () => {
    const { open } = loadNative().files!;
    const descriptors = () => readdirSync("/dev/fd").length;
    const before = descriptors();
    for (const other of [join(folder, "missing"), folder, "/dev/null", `${path}\0.txt`, "", "/dev/fd/0/x"])
      expect(open(other)).toBeUndefined();
    expect(descriptors()).toBe(before);
    const [descriptor, size] = open(path)!;
    expect([size, readFileSync(descriptor).subarray(0, 3)]).toEqual([10_000, Buffer.of(0, 1, 2)]);
    closeSync(descriptor);
    expect(() => open(1 as never)).toThrow("path is not a string");
  });

  it("unmaps its own buffer only", () => {
    const b = mapFile(path);
    const descriptor = openSync(path, "r");
    const mapping = map(descriptor, path, 0, 100)!;
    closeSync(descriptor);
    expect(() => mapping.unmap(b.bytes(0, 1).buffer)).toThrow("another file");
    expect(() => mapping.unmap({} as ArrayBuffer)).toThrow("not an ArrayBuffer");
    expect(b.bytes(1, 1)[0]).toBe(1);
    mapping.unmap(mapping.buffer);
    b.close();
  });
});

describe("a copy of a region", () => {
  it.each([{ once: true }, { once: false }, { once: true, mmap: false }])(
    "is the file's bytes: %o",
    (options) => {
      const file = mapFile(path, options);
      const copy = new Uint8Array(9000);
      copyRegion(file.region(7, 9000), copy);
      expect(copy).toEqual(new Uint8Array(readFileSync(path)).subarray(7, 9007));
      file.close();
    },
  );

  it("of memory is the memory's", () => {
    const copy = new Uint8Array(2);
    copyRegion(Uint8Array.of(1, 2, 3).subarray(1), copy);
    expect([...copy]).toEqual([2, 3]);
  });

  it.skipIf(!hasAddon || process.platform === "win32")("of a file that became shorter is refused", () => {
    const short = join(folder, "short.bin");
    writeFileSync(short, new Uint8Array(100));
    const file = mapFile(short, { once: true });
    const region = file.region(50, 50);
    truncateSync(short, 60);
    expect(() => copyRegion(region, new Uint8Array(50))).toThrow(
      expect.objectContaining({ code: "DATA_TRUNCATED" }),
    );
    file.close();
  });
});

describe.skipIf(!hasAddon || process.platform !== "linux")("a file that is read once", () => {
  it.each([true, false])("lets go of its pages, and of what was written to them, where asked: %s", (once) => {
    const file = mapFile(path, { once });
    const view = file.bytes(0, 10_000);
    view[5] = 99;
    file.look(2 ** 20);
    expect(view[5]).toBe(99);
    file.look(31 * 2 ** 20);
    expect(view[5]).toBe(once ? 5 : 99);
    expect([...file.read(5, 1)]).toEqual([5]);
    file.close();
    file.look(32 * 2 ** 20);
  });
});

describe.each([true, false])("mapFile with mmap: %s", (mmap) => {
  const open = (at = path): MappedFile => mapFile(at, { mmap });

  it("gives any part of the file", () => {
    const file = open();
    expect(file.size).toBe(10_000);
    const shared = file.bytes(0, 8).buffer === file.bytes(1, 8).buffer;
    expect(shared).toBe(mmap && hasAddon);
    expect([...file.read(255, 2)]).toEqual([255, 0]);
    expect([...file.bytes(255, 3)]).toEqual([255, 0, 1]);
    expect(file.region(9_999, 1).byteLength).toBe(1);
    expect(file.bytes(10_000, 0).byteLength).toBe(0);
    file.close();
  });

  it("refuses what lies outside, and everything once it is closed", () => {
    const file = open();
    for (const [offset, length] of [
      [-1, 2],
      [9_999, 2],
      [10_001, 0],
      [0, -1],
      [Number.NaN, 1],
    ])
      expect(() => file.region(offset!, length!)).toThrow(
        expect.objectContaining({ code: "DATA_TRUNCATED" }),
      );
    file.close();
    file.close();
    expect(() => file.bytes(0, 1)).toThrow(expect.objectContaining({ code: "FILE_CLOSED" }));
  });

  it("lets nothing that is written to a view reach the file", () => {
    const file = open();
    const bytes = file.bytes(0, 8);
    bytes.fill(99);
    expect(bytes[0]).toBe(99);
    expect(readFileSync(path)[0]).toBe(0);
    file.close();
  });

  it("takes an empty file, and no folder", () => {
    const empty = join(folder, "empty");
    writeFileSync(empty, "");
    const file = open(empty);
    expect(file.bytes(0, 0).byteLength).toBe(0);
    file.close();
    mkdirSync(join(folder, `folder ${mmap}`));
    expect(() => open(join(folder, `folder ${mmap}`))).toThrow(/this is a folder/);
    expect(() => open(join(folder, "none"))).toThrow(expect.objectContaining({ code: "FILE_UNREADABLE" }));
  });
});

it.skipIf(!hasAddon)("takes memory away from every view on close", () => {
  const file = mapFile(path);
  const bytes = file.bytes(0, 100);
  const floats = viewAs("float32", file.region(4, 400));
  file.close();
  expect([bytes.length, floats.length, bytes[0]]).toEqual([0, 0, undefined]);
});

it.skipIf(!hasAddon)("gives addresses back when a file is forgotten", () => {
  const main = join(folder, "forget.mjs");
  const root = JSON.stringify(fileURLToPath(new URL("..", import.meta.url)));
  const source = `
    import { createRequire } from "node:module";
    import { closeSync, openSync, readFileSync } from "node:fs";
    const { files } = createRequire(${root})("node-gyp-build")(${root});
    const file = ${JSON.stringify(path)};
    const descriptor = openSync(file);
    for (let i = 0; i < 1000; i++) files.mapFile(descriptor, file, 0, 10_000);
    const maps = () => process.platform === "linux" ? readFileSync("/proc/self/maps", "utf8").split("file #").length - 1 : 0;
    const before = maps();
    for (let i = 0; i < 5; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 20)); }
    console.log(JSON.stringify({ before, after: maps() }));`;
  writeFileSync(main, source);
  const { stdout, stderr } = spawnSync(process.execPath, ["--expose-gc", main], { encoding: "utf8" });
  expect(stderr).toBe("");
  const { before, after } = JSON.parse(stdout);
  if (process.platform === "linux") expect(before).toBe(1000);
  expect(after).toBe(0);
});

it.each([true, false])("says so when a file was cut short meanwhile, with mmap: %s", (mmap) => {
  const shrinking = join(folder, "shrinking");
  writeFileSync(shrinking, new Uint8Array(100));
  const file = mapFile(shrinking, { mmap });
  file.region(0, 100);
  truncateSync(shrinking, 50);
  expect(() => file.bytes(0, 100, "w")).toThrow(
    expect.objectContaining({ code: "DATA_TRUNCATED", field: "w", path: shrinking }),
  );
  expect(file.bytes(0, 50)[49]).toBe(0);
  file.close();
});

it("gives every region its own bytes, wherever in a large file", () => {
  const large = join(folder, "large");
  const mebi = 2 ** 20;
  const values = new Uint32Array(10 * mebi).map((_, i) => i);
  writeFileSync(large, values);
  const file = mapFile(large);
  for (const begin of [0, 8 * mebi - 4, 8 * mebi, 16 * mebi - 8, 24 * mebi + 12, 32 * mebi, 40 * mebi - 4])
    for (const length of [4, 4096, 8 * mebi, 8 * mebi + 4, 17 * mebi]) {
      if (begin + length > file.size) continue;
      const view = viewAs("uint32", file.region(begin, length));
      expect([view[0], view.at(-1), view.length]).toEqual([begin / 4, (begin + length) / 4 - 1, length / 4]);
    }
  const views = [file.bytes(0, 4), file.bytes(39 * mebi, 4), file.bytes(0, 20 * mebi)];
  file.close();
  expect(views.map(({ length }) => length)).toEqual(hasAddon ? [0, 0, 0] : [4, 4, 20 * mebi]);
});

it("reads past 4 GiB", () => {
  const sparse = join(folder, "sparse");
  writeFileSync(sparse, "");
  truncateSync(sparse, 2 ** 32 + 4096);
  for (const mmap of [true, false]) {
    const file = mapFile(sparse, { mmap });
    expect([...file.bytes(2 ** 32 + 4000, 2)]).toEqual([0, 0]);
    if (mmap && hasAddon) expect(viewAs("float64", file.region(8, 2 ** 31)).length).toBe(2 ** 28);
    file.close();
  }
});

it("cuts regions into pieces without losing a byte", () => {
  const region = { buffer: new ArrayBuffer(2 ** 30 + 10), byteOffset: 3, byteLength: 2 ** 30 + 7 };
  expect([...chunksOf(region)].map(({ byteOffset, byteLength }) => [byteOffset, byteLength])).toEqual([
    [3, 2 ** 30],
    [3 + 2 ** 30, 7],
  ]);
  expect([...chunksOf(new Uint8Array(0))].map(({ length }) => length)).toEqual([0]);
});
