import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, it, test } from "vitest";
import { readNpy } from "../../lib/index.js";
import { temporaryFolder } from "../support/folder.js";
import { attack, Bytes, refusal } from "../support/refusal.js";

const path = join(temporaryFolder(), "hostile.npy");
const fixture = readFileSync(fileURLToPath(new URL("../fixtures/numpy.npy", import.meta.url)));

const magic = (major: number, minor = 0) => new Bytes().u8(0x93).text("NUMPY").u8(major, minor);
const array = (header: string | Uint8Array, dataBytes = 0) => {
  const bytes = Buffer.from(header);
  return magic(1).u16(bytes.byteLength).raw(bytes).zeros(dataBytes);
};
const typed = (descriptor: string, dataBytes = 8) =>
  array(`{'descr': ${descriptor}, 'fortran_order': False, 'shape': (1,)}`, dataBytes);
const shaped = (shape: string, dataBytes = 4) =>
  array(`{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}}`, dataBytes);
/** As numpy writes it, which is read in another way. */
const plain = (shape: string) =>
  array(`{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }    \n`, 4);

test.each<[string, Bytes, string, RegExp]>([
  ["an empty file", new Bytes(), "FORMAT_UNKNOWN", /NUMPY/],
  ["another magic", new Bytes().text("NUMPY!").zeros(100), "FORMAT_UNKNOWN", /NUMPY/],
  ["eight bytes", magic(1), "DATA_TRUNCATED", /8 bytes/],
  ["version 0.0", magic(0).zeros(200), "FORMAT_UNKNOWN", /version 0\.0/],
  ["version 1.1", magic(1, 1).zeros(200), "FORMAT_UNKNOWN", /version 1\.1/],
  ["version 4.0", magic(4).zeros(200), "FORMAT_UNKNOWN", /version 4\.0/],
  ["a header past the end", magic(1).u16(60_000).text("{'descr'"), "DATA_TRUNCATED", /60000 bytes/],
  ["a header of 4 GiB", magic(2).u32(0xffffffff).text("{"), "HEADER_TOO_LARGE", /4294967295/],
  ["no header", array("").zeros(10), "HEADER_INVALID", /expected \{/],
  ["no dict", array("('<f4', False, (1,))"), "HEADER_INVALID", /expected \{/],
  ["an empty dict", array("{}"), "HEADER_INVALID", /all needed/],
  ["no shape", array("{'descr': '<f4', 'fortran_order': False}"), "HEADER_INVALID", /all needed/],
  ["a dict that does not end", array("{'descr': '<f4', "), "HEADER_INVALID", /a key/],
  ["no comma", array("{'descr': '<f4' 'fortran_order': False}"), "HEADER_INVALID", /expected , or \}/],
  ["a key twice", array("{'descr': '<f4', 'descr': '<f8'}"), "HEADER_INVALID", /twice/],
  ["an unknown key", array("{'descr': '<f4', 'x': 1}"), "HEADER_INVALID", /"x"/],
  [
    "something after the dict",
    array("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + 1", 4),
    "HEADER_INVALID",
    /follows/,
  ],
  ["code", array("{'descr': __import__('os').system('ls'), }"), "HEADER_INVALID", /a type/],
  ["an escape", array("{'des\\x63r': '<f4'}"), "HEADER_INVALID", /a key/],
  ["a truth of 1", array("{'fortran_order': 1}"), "HEADER_INVALID", /True or False/],
  ["a truth that goes on", array("{'fortran_order': Falsey}"), "HEADER_INVALID", /True or False/],
  ["deep nesting", array(`{'descr': ${"[".repeat(60_000)}`), "HEADER_INVALID", /does not end/],
  ["a long header of spaces", array(`{${" ".repeat(65_000)}`), "HEADER_INVALID", /a key/],
  ["a shape that is a list", shaped("[1]"), "HEADER_INVALID", /expected \(/],
  ["a shape without comma", shaped("(1)"), "HEADER_INVALID", /comma/],
  ["sizes without comma", shaped("(1 1)"), "HEADER_INVALID", /expected , or \)/],
  ["a size with a zero before it", plain("(01,)"), "HEADER_INVALID", /expected , or \)/],
  ["a second size with a zero before it", plain("(1, 01)"), "HEADER_INVALID", /expected , or \)/],
  ["a size of 16 digits", plain("(9999999999999999,)"), "HEADER_INVALID", /2\^53/],
  [
    "a product of sizes that is too large",
    plain("(999999999999999, 999999999999999)"),
    "TENSOR_INVALID",
    /too large/,
  ],
  [
    "a type that is none, as numpy writes it",
    array("{'descr': '<i3', 'fortran_order': False, 'shape': (1,), }\n", 3),
    "HEADER_INVALID",
    /"<i3"/,
  ],
  ["a negative size", shaped("(-1,)"), "HEADER_INVALID", /a size/],
  ["a size that is a float", shaped("(1.0,)"), "HEADER_INVALID", /expected , or \)/],
  ["a size in hexadecimal", shaped("(0x1,)"), "HEADER_INVALID", /expected , or \)/],
  ["a size of 2^53", shaped("(9007199254740992,)"), "HEADER_INVALID", /2\^53/],
  ["a size of 30 digits", shaped(`(${"9".repeat(30)},)`), "HEADER_INVALID", /expected , or \)|2\^53/],
  ["sizes whose product is 2^64", shaped("(4294967296, 4294967296)"), "TENSOR_INVALID", /too large/],
  [
    "sizes whose product is infinite",
    shaped(`(${"9007199254740991, ".repeat(60)})`),
    "TENSOR_INVALID",
    /too large/,
  ],
  ["65 dimensions", shaped(`(${"1, ".repeat(65)})`), "HEADER_INVALID", /65 dimensions/],
  ["20000 dimensions", shaped(`(${"1, ".repeat(20_000)})`), "HEADER_INVALID", /20000 dimensions/],
  ["too little data", shaped("(2,)"), "DATA_TRUNCATED", /8 bytes, but 4/],
  ["data of a terabyte", shaped("(274877906944,)"), "DATA_TRUNCATED", /but 4 follow/],
  ["too much data", shaped("(1,)", 5), "TENSOR_INVALID", /1 bytes follow/],
  ["data after nothing", shaped("(0, 9007199254740991)", 1), "TENSOR_INVALID", /1 bytes follow/],
  ["Python objects", typed("'|O'"), "TENSOR_INVALID", /Python objects.*pickle.*run code/],
  ["text", typed("'<U2'"), "TENSOR_INVALID", /text \(<U2\)/],
  ["byte strings", typed("'|S8'"), "TENSOR_INVALID", /byte strings/],
  ["records", typed("[('a', '<f4'), ('b', '<i4', (2, ))]"), "TENSOR_INVALID", /named fields/],
  ["raw bytes", typed("'|V8'"), "TENSOR_INVALID", /raw bytes/],
  ["dates", typed("'<M8[ns]'"), "TENSOR_INVALID", /dates/],
  ["wide complex numbers", typed("'<c16'", 16), "TENSOR_INVALID", /complex/],
  ["long doubles", typed("'<f16'", 16), "TENSOR_INVALID", /floats of a size/],
  ["integers of 3 bytes", typed("'<i3'"), "HEADER_INVALID", /"<i3"/],
  ["no order of bytes", typed("'f4'"), "HEADER_INVALID", /"f4"/],
  ["floats whose order does not matter", typed("'|f4'"), "HEADER_INVALID", /"\|f4"/],
  ["a type of 60000 digits", typed(`'<f${"4".repeat(60_000)}'`), "HEADER_INVALID", /a type/],
  ["an empty type", typed("''"), "HEADER_INVALID", /""/],
])("refuses %s", (_, bytes, code, says) => {
  const error = attack(path, bytes.end(), readNpy);
  expect({ code: error.code, path: error.path }).toEqual({ code, path });
  expect(error.message).toMatch(says);
});

it("refuses a real file cut at any byte", () => {
  for (let length = 0; length < fixture.length; length++)
    expect(attack(path, fixture.subarray(0, length), readNpy).code).toMatch(/DATA_TRUNCATED|FORMAT_UNKNOWN/);
});

it("meets damage with a typed error or an intact file, never anything else", () => {
  const edit = fc.tuple(
    fc.nat(fixture.length - 1),
    fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from("0919(){}',<>|fiuO"))),
  );
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      const bytes = Uint8Array.from(fixture);
      for (const [at, value] of edits) bytes[at] = value;
      writeFileSync(path, bytes);
      refusal(() => {
        const { data, close } = readNpy(path);
        data.at(-1);
        close();
      });
    }),
    { numRuns: 500, seed: 1 },
  );
});
