import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { expect, it } from "vitest";
import { readNpz } from "../../lib/index.js";
import { temporaryFolder } from "../support/folder.js";
import { readAllOfNpz as readAll } from "../support/read-all-of-npz.js";
import { attack, Bytes } from "../support/refusal.js";
import { zip } from "../support/zip.js";

const path = join(temporaryFolder(), "bomb.npz");

/** Zeros that an entry of some kilobytes inflates to. */
const zeros = (count: number) => {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${count},), }`;
  const data = Buffer.concat([
    new Bytes().u8(0x93).text("NUMPY").u8(1, 0).u16(header.length).text(header).end(),
    Buffer.alloc(count),
  ]);
  return {
    name: "zeros.npy",
    data: deflateRawSync(data),
    method: 8,
    crc: crc32(data),
    size: data.byteLength,
  };
};

it("refuses a bomb before inflating it, and takes what stays below its limit", () => {
  const bomb = zip([zeros(64_000_000)]);
  expect(bomb.byteLength).toBeLessThan(100_000);
  const error = attack(path, bomb, readAll);
  expect({ code: error.code, field: error.field }).toEqual({ code: "HEADER_TOO_LARGE", field: "zeros.npy" });
  writeFileSync(path, zip([zeros(10_000_000)]));
  expect(readNpz(path).tensors.get("zeros")!.data).toHaveLength(10_000_000);
});

it("refuses a bomb that declares to be small", () => {
  const error = attack(path, zip([{ ...zeros(64_000_000), size: 1000 }]), readAll);
  expect(error.code).toMatch(/DATA_TRUNCATED|DATA_MISMATCH/);
});
