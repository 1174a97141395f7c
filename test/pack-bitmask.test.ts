import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { backends, type PackBitmaskOptions, packBitmask, unpackBitmask } from "../lib/index.js";
import type { NarrowArray } from "../lib/operations/element-types.js";
import { bytesOf } from "../lib/tensor.js";
import { randomBitPatterns, randomIntegers } from "./support/random.js";

const TYPES = [Float32Array, Uint32Array, Uint16Array, Int16Array, Int8Array, Uint8Array];

/** Any bits, of which about one element in `rarity` stays. */
function sparse(Type: (typeof TYPES)[number], length: number, rarity: number, seed: number): NarrowArray {
  const x = new Type(randomBitPatterns(length, seed).buffer as ArrayBuffer, 0, length);
  const next = randomIntegers(seed + 1);
  for (let i = 0; i < length; i++) if (next() % rarity !== 0) x[i] = 0;
  return x;
}

/** The rule itself, element by element. */
function packedOneByOne(x: NarrowArray, columns: number) {
  const width = x.BYTES_PER_ELEMENT;
  const bytes = bytesOf(x);
  const rowBytes = Math.ceil(columns / 8);
  const bitmask = new Uint8Array((x.length / columns) * rowBytes);
  const kept: number[] = [];
  for (let i = 0; i < x.length; i++) {
    const element = bytes.subarray(i * width, (i + 1) * width);
    if (element.every((byte) => byte === 0)) continue;
    const column = i % columns;
    bitmask[Math.floor(i / columns) * rowBytes + Math.floor(column / 8)]! += 2 ** (column % 8);
    kept.push(...element);
  }
  return { values: Buffer.from(kept), bitmask: Buffer.from(bitmask) };
}

function expectSame(actual: NarrowArray, expected: Uint8Array): void {
  expect(Buffer.compare(bytesOf(actual), expected)).toBe(0);
}

describe.each(backends())("a bitmask on $name", (backend) => {
  it("is what numpy.packbits makes of x != 0, row by row, with -0 and NaN kept", () => {
    const x = Float32Array.of(0, 1, 0, 0, 0, 0, 0, 0, 2, -0, 0, 0, 3, 0, 0, 0, 0, 0, 0, NaN);
    const { values, bitmask } = packBitmask(x, { shape: [2, 10], backend });
    expect([...bitmask]).toEqual([0b00000010, 0b11, 0b00000100, 0b10]);
    expect(values).toEqual(Float32Array.of(1, 2, -0, 3, NaN));
    expect(unpackBitmask({ values, bitmask, shape: [2, 10] }, { backend })).toEqual(x);
    expect(packBitmask(x, { backend }).bitmask).toHaveLength(3);
  });

  test.each(TYPES)("of a %o has every length and offset right, and comes back", (Type) => {
    for (let length = 0; length <= 70; length++)
      for (const rarity of [1, 3, 40]) {
        const x = sparse(Type, length + 3, rarity, length + 1).subarray(length % 4);
        const expected = packedOneByOne(x, Math.max(1, x.length));
        const { values, bitmask } = packBitmask(x, { backend });
        expectSame(values, expected.values);
        expectSame(bitmask, expected.bitmask);
        expectSame(unpackBitmask({ values, bitmask, length: x.length }, { backend }), bytesOf(x));
      }
  });

  test.each([1, 3, 7, 8, 9, 24, 100, 1001])("of rows of %d begins each with a byte", (columns) => {
    for (const Type of [Float32Array, Int8Array])
      for (const threads of [1, 3]) {
        const rows = Math.ceil(80_000 / columns);
        const x = sparse(Type, rows * columns, 5, columns);
        const shape = [rows, columns];
        const expected = packedOneByOne(x, columns);
        const { values, bitmask } = packBitmask(x, { shape, backend, threads });
        expectSame(values, expected.values);
        expectSame(bitmask, expected.bitmask);
        expectSame(unpackBitmask({ values, bitmask, shape }, { backend, threads }), bytesOf(x));
      }
  });

  it("writes into memory of the caller's, and not beyond what it needs", () => {
    const x = sparse(Float32Array, 100_003, 10, 8) as Float32Array;
    const expected = packedOneByOne(x, x.length);
    for (const threads of [1, 2])
      for (const room of [expected.values.length / 4, x.length]) {
        const guarded = new Float32Array(room + 12).fill(99);
        const bits = new Uint8Array(expected.bitmask.length + 10).fill(99);
        const out = { values: guarded.subarray(5, 5 + room), bitmask: bits.subarray(3, -7) };
        const { values, bitmask } = packBitmask(x, { out, backend, threads });
        expectSame(values, expected.values);
        expect(values.buffer).toBe(guarded.buffer);
        expect(bitmask).toBe(out.bitmask);
        expect([...guarded.subarray(0, 5), ...guarded.subarray(5 + room)]).toEqual(Array(12).fill(99));
        expect([...bits.subarray(0, 3), ...bits.subarray(-7)]).toEqual(Array(10).fill(99));
        const restored = new Float32Array(x.length + 9).fill(99);
        const whole = restored.subarray(4, 4 + x.length);
        const packed = { values, bitmask: expected.bitmask, length: x.length };
        expect(unpackBitmask(packed, { out: whole, backend, threads })).toBe(whole);
        expectSame(whole, bytesOf(x));
        expect([...restored.subarray(0, 4), ...restored.subarray(-5)]).toEqual(Array(9).fill(99));
      }
  });

  it("goes around the cache with the same bits", () => {
    const block = sparse(Float32Array, 8 * 4099, 4, 12) as Float32Array;
    const x = new Float32Array(block.length * 260);
    for (let i = 0; i < x.length; i += block.length) x.set(block, i);
    const out = new Float32Array(x.length);
    unpackBitmask({ ...packBitmask(x, { backend }), length: x.length }, { out, backend, threads: 1 });
    expectSame(out, bytesOf(x));
  });

  it("gives any array back", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, -0, NaN, 1, Infinity, 2 ** -149)), (list) => {
        const x = Float32Array.from(list);
        const packed = packBitmask(x, { backend });
        expect(unpackBitmask({ ...packed, length: x.length }, { backend })).toEqual(x);
      }),
    );
  });

  it("whose bits are not as many as the values is refused before anything is written", () => {
    const out = new Float32Array(9).fill(5);
    const bitmask = Uint8Array.of(0b111, 1);
    for (const length of [3, 5]) {
      const packed = { values: new Float32Array(length), bitmask, length: 9 };
      expect(() => unpackBitmask(packed, { out, backend })).toThrow(/4 values, one for each bit/);
    }
    expect(out).toEqual(new Float32Array(9).fill(5));
    const padded = { values: Float32Array.of(1, 2), bitmask: Uint8Array.of(0b11111001), length: 4 };
    expect([...unpackBitmask(padded, { backend })]).toEqual([1, 0, 0, 2]);
  });
});

describe("packBitmask", () => {
  const x = Float32Array.of(1, 0, 2, 3);
  const cases: [string, unknown, Record<string, unknown>, RegExp][] = [
    ["wider elements", new Float64Array(4), {}, /1, 2 or 4 bytes for x/],
    ["a list", [1, 0], {}, /typed array/],
    ["a shape of another length", x, { shape: [5] }, /4 elements for shape/],
    [
      "values of another type",
      x,
      { out: { values: new Int8Array(4), bitmask: new Uint8Array(1) } },
      /Float32Array for out\.values/,
    ],
    [
      "too little room",
      x,
      { out: { values: new Float32Array(2), bitmask: new Uint8Array(1) } },
      /room for 3 values/,
    ],
    [
      "a bitmask of another size",
      x,
      { out: { values: new Float32Array(4), bitmask: new Uint8Array(2) } },
      /length 1 for out\.bitmask/,
    ],
    [
      "a bitmask of another type",
      x,
      { out: { values: new Float32Array(4), bitmask: [0] } },
      /Uint8Array for out\.bitmask/,
    ],
    ["values that are x", x, { out: { values: x, bitmask: new Uint8Array(1) } }, /apart from the input/],
  ];
  test.each(cases)("refuses %s", (_, input, options, message) => {
    expect(() => packBitmask(input as Float32Array, options as PackBitmaskOptions<Float32Array>)).toThrow(
      message,
    );
  });
});

describe("unpackBitmask", () => {
  const values = Float32Array.of(1, 2);
  const bitmask = Uint8Array.of(3);
  test.each<[string, Record<string, unknown>, RegExp]>([
    ["no size", { values, bitmask }, /shape/],
    ["two sizes", { values, bitmask, length: 4, shape: [4] }, /shape/],
    ["a negative size", { values, bitmask, length: -1 }, /shape/],
    ["half a size", { values, bitmask, length: 2.5 }, /shape/],
    ["a size that the bitmask does not have", { values, bitmask, length: 9 }, /2 bytes for bitmask/],
    ["no bitmask", { values, length: 4 }, /Uint8Array for bitmask/],
    ["no values", { bitmask, length: 4 }, /typed array/],
  ])("refuses %s", (_, packed, message) => {
    expect(() => unpackBitmask(packed as never)).toThrow(message);
  });

  it("refuses memory that overlaps", () => {
    const all = new Float32Array(8);
    const packed = { values: all.subarray(0, 2), bitmask, length: 4 };
    expect(() => unpackBitmask(packed, { out: all.subarray(1, 5) })).toThrow(/apart from the input/);
    expect(() => unpackBitmask(packed, { out: new Float32Array(5) })).toThrow(/length 4 for out/);
  });
});
