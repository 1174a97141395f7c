import { join } from "node:path";
import { expect, it, test } from "vitest";
import { readSafetensors } from "../../lib/index.js";
import { temporaryFolder } from "../support/folder.js";
import { attack } from "../support/refusal.js";
import { entry, safetensorsBytes as file } from "../support/safetensors-bytes.js";

const path = join(temporaryFolder(), "hostile.safetensors");
const float = entry("F32", "[2]", "[0,8]");

test.each<[string, Uint8Array, string, RegExp]>([
  ["an empty file", new Uint8Array(), "DATA_TRUNCATED", /too few/],
  ["seven bytes", new Uint8Array(7), "DATA_TRUNCATED", /too few/],
  ["a header of no bytes", file(""), "HEADER_INVALID", /begin with \{/],
  ["a header past the end", file("{}", 0, 3n), "DATA_TRUNCATED", /only 2 follow/],
  ["a header over the limit", file("{}", 0, 100_000_001n), "HEADER_TOO_LARGE", /limit/],
  ["a header of 2^63 bytes", file("{}", 0, 2n ** 63n), "HEADER_TOO_LARGE", /limit/],
  ["text that is not UTF-8", file(Buffer.from([0x7b, 0xff, 0x7d])), "TEXT_NOT_UTF8", /UTF-8/],
  ["a byte order mark", file("\ufeff{}"), "HEADER_INVALID", /begin with \{/],
  ["space before the header", file(" {}"), "HEADER_INVALID", /begin with \{/],
  ["a list for a header", file("[]"), "HEADER_INVALID", /begin with \{/],
  ["text after the header", file("{}x"), "HEADER_INVALID", /after the header/],
  ["zero bytes after the header", file("{}\0"), "HEADER_INVALID", /after the header/],
  ["a comma at the end", file(`{"a":${float},}`, 8), "HEADER_INVALID", /string/],
  ["a string without end", file('{"a'), "HEADER_INVALID", /malformed string/],
  ["half a character", file(`{"\\ud800":${float}}`, 8), "HEADER_INVALID", /half a character/],
  ["one name twice", file(`{"a":${float},"a":${float}}`, 8), "HEADER_INVALID", /"a" comes twice/],
  ["one name twice, once escaped", file(`{"a":${float},"\\u0061":${float}}`, 8), "HEADER_INVALID", /twice/],
  ["one field twice", file('{"a":{"dtype":"U8","dtype":"U8"}}'), "HEADER_INVALID", /twice/],
  ["an unknown field", file('{"a":{"x":1}}'), "HEADER_INVALID", /unknown field "x"/],
  ["a missing field", file('{"a":{"dtype":"U8","shape":[]}}'), "TENSOR_INVALID", /a: .*needs/],
  ["depth", file(`{"a":${"[".repeat(100_000)}`), "HEADER_INVALID", /expected \{/],
  ["a number as metadata", file('{"__metadata__":{"a":1}}'), "HEADER_INVALID", /string/],
  ["an unknown type", file(`{"w":${entry("F7", "[1]", "[0,1]")}}`, 1), "TENSOR_INVALID", /w: .*"F7"/],
  [
    "elements that end inside a byte",
    file(`{"w":${entry("F4", "[3]", "[0,2]")}}`, 2),
    "TENSOR_INVALID",
    /w: .*whole byte/,
  ],
  ["a negative size", file(`{"w":${entry("U8", "[-1]", "[0,1]")}}`, 1), "HEADER_INVALID", /integer/],
  ["a fraction", file(`{"w":${entry("U8", "[1.5]", "[0,1]")}}`, 1), "HEADER_INVALID", /integer/],
  ["an exponent", file(`{"w":${entry("U8", "[1e300]", "[0,1]")}}`, 1), "HEADER_INVALID", /integer/],
  [
    "a size past 2^53",
    file(`{"w":${entry("U8", "[9007199254740993]", "[0,1]")}}`, 1),
    "HEADER_INVALID",
    /2\^53/,
  ],
  [
    "a product past 2^53",
    file(`{"w":${entry("F32", "[4294967296,4294967296]", "[0,0]")}}`),
    "TENSOR_INVALID",
    /too large/,
  ],
  ["offsets as text", file(`{"w":${entry("U8", "[1]", '["0","1"]')}}`, 1), "HEADER_INVALID", /integer/],
  ["three offsets", file(`{"w":${entry("U8", "[1]", "[0,1,2]")}}`, 1), "TENSOR_INVALID", /begin and an end/],
  [
    "offsets the wrong way",
    file(`{"w":${entry("U8", "[1]", "[1,0]")}}`, 1),
    "TENSOR_INVALID",
    /begin and an end/,
  ],
  [
    "more bytes than the shape",
    file(`{"w":${entry("F32", "[2]", "[0,12]")}}`, 12),
    "TENSOR_INVALID",
    /takes 8 bytes/,
  ],
  ["data past the end", file(`{"w":${float}}`, 7), "DATA_TRUNCATED", /w: .*holds 7/],
  [
    "overlap",
    file(`{"a":${float},"b":${entry("U8", "[4]", "[6,10]")}}`, 10),
    "TENSOR_OVERLAP",
    /b: byte \d+/,
  ],
  [
    "a hole",
    file(`{"a":${float},"b":${entry("U8", "[4]", "[9,13]")}}`, 13),
    "TENSOR_INVALID",
    /1 bytes before/,
  ],
  ["bytes after the last tensor", file(`{"a":${float}}`, 9), "TENSOR_INVALID", /1 bytes after/],
  [
    "a pickle",
    Uint8Array.of(0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0x7d, 0x2e),
    "DATA_TRUNCATED",
    /only 4 follow/,
  ],
  ["a zip archive", Buffer.from("PK\x03\x04\x14\0\0\0\x08\0{}"), "HEADER_TOO_LARGE", /limit/],
  [
    "depth in a shape",
    file(`{"a":${entry("U8", "[".repeat(100_000), "[0,1]")}}`, 1),
    "HEADER_INVALID",
    /integer/,
  ],
  ["depth in a type", file(`{"a":{"dtype":${"[".repeat(100_000)}}}`), "HEADER_INVALID", /string/],
  [
    "depth in metadata",
    file(`{"__metadata__":{"a":${'{"a":'.repeat(100_000)}}}`),
    "HEADER_INVALID",
    /string/,
  ],
  ["metadata twice", file('{"__metadata__":{},"__metadata__":{}}'), "HEADER_INVALID", /twice/],
  [
    "metadata twice, once escaped",
    file('{"__metadata__":{},"__metadata_\\u005f":{}}'),
    "HEADER_INVALID",
    /twice/,
  ],
  ["one key of metadata twice", file('{"__metadata__":{"a":"","a":""}}'), "HEADER_INVALID", /twice/],
  ["a list as metadata", file('{"__metadata__":[]}'), "HEADER_INVALID", /expected \{/],
  ["null as a tensor", file('{"a":null}'), "HEADER_INVALID", /expected \{/],
  ["a line break in a string", file('{"a\nb":{}}'), "HEADER_INVALID", /malformed string/],
  ["an escape that does not exist", file('{"a\\x41":{}}'), "HEADER_INVALID", /malformed string/],
  ["an escape cut short", file('{"a\\'), "HEADER_INVALID", /malformed string/],
  ["a key without quotes", file("{a:{}}"), "HEADER_INVALID", /string/],
  ["a comment", file(`{/**/"a":${float}}`, 8), "HEADER_INVALID", /string/],
  ["white space that is not JSON's", file(`{\u00a0"a":${float}}`, 8), "HEADER_INVALID", /string/],
  ["minus zero", file(`{"w":${entry("U8", "[-0]", "[0,0]")}}`), "HEADER_INVALID", /integer/],
  ["a padded number", file(`{"w":${entry("U8", "[01]", "[0,1]")}}`, 1), "HEADER_INVALID", /integer/],
  ["an offset of 1e300", file(`{"w":${entry("U8", "[1]", "[0,1e300]")}}`, 1), "HEADER_INVALID", /integer/],
  [
    "an offset of 20 digits",
    file(`{"w":${entry("U8", "[1]", "[0,18446744073709551616]")}}`, 1),
    "HEADER_INVALID",
    /integer/,
  ],
  ["a negative offset", file(`{"w":${entry("U8", "[1]", "[-1,0]")}}`, 1), "HEADER_INVALID", /integer/],
  ["no number", file(`{"w":${entry("U8", "[NaN]", "[0,1]")}}`, 1), "HEADER_INVALID", /integer/],
  [
    "bits past 2^53",
    file(`{"w":${entry("F64", "[9007199254740991]", "[0,8]")}}`, 8),
    "TENSOR_INVALID",
    /too large/,
  ],
  [
    "a product that wraps to the right count",
    file(`{"w":${entry("U8", "[4294967296,4294967296,1]", "[0,0]")}}`),
    "TENSOR_INVALID",
    /too large/,
  ],
  [
    "an end past 2^53 bytes",
    file(`{"w":${entry("U8", "[1]", "[9007199254740990,9007199254740991]")}}`, 1),
    "DATA_TRUNCATED",
    /holds 1/,
  ],
  [
    "ten thousand tensors on the same bytes",
    file(`{${Array.from({ length: 10_000 }, (_, i) => `"${i}":${float}`)}}`, 8),
    "TENSOR_OVERLAP",
    /shares bytes/,
  ],
  [
    "a shape of a million sizes",
    file(`{"w":${entry("U8", `[${"1,".repeat(1e6)}1]`, "[0,1]")}}`, 1),
    "HEADER_INVALID",
    /more than 64/,
  ],
  [
    "an empty tensor inside another",
    file(`{"a":${float},"b":${entry("U8", "[0]", "[4,4]")}}`, 8),
    "TENSOR_OVERLAP",
    /b: byte/,
  ],
])("refuses %s", (_, hostile, code, says) => {
  const error = attack(path, hostile, readSafetensors);
  expect({ code: error.code, path: error.path }).toEqual({ code, path });
  expect(error.message).toMatch(says);
});

it("says little of names and shapes that are huge", () => {
  const name = "x".repeat(1_000_000);
  const shape = `[${"9007199254740991,".repeat(63)}2]`;
  const error = attack(path, file(`{"${name}":${entry("U8", shape, "[0,1]")}}`, 1), readSafetensors);
  expect([error.code, error.field]).toEqual(["TENSOR_INVALID", name]);
  expect(error.message.length).toBeLessThan(2000);
});

it("refuses a real file cut at any byte", () => {
  const whole = file(`{"a":${float},"b":${entry("U8", "[4]", "[8,12]")}}  `, 12);
  for (let length = 0; length < whole.length; length++)
    expect(attack(path, whole.subarray(0, length), readSafetensors).code).toBe("DATA_TRUNCATED");
});
