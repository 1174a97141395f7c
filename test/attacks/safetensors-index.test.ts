import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../lib/index.js";
import { temporaryFolder } from "../support/folder.js";
import { attack, refusal } from "../support/refusal.js";
import { entry, safetensorsBytes } from "../support/safetensors-bytes.js";

const folder = temporaryFolder();
const path = join(folder, "hostile.safetensors.index.json");
beforeAll(async () => {
  const a = { dtype: "uint8", shape: [1], data: Uint8Array.of(1) } as const;
  for (const name of ["small", "small2"]) await writeSafetensors(join(folder, `${name}.safetensors`), { a });
  writeFileSync(join(folder, "outside.safetensors"), safetensorsBytes("{}"));
  writeFileSync(
    join(folder, "short.safetensors"),
    safetensorsBytes(`{"a":${entry("U8", "[2]", "[0,2]")}}`, 1),
  );
});
const places = (name: string) => JSON.stringify({ weight_map: { a: name } });

test.each<[string, string, string, RegExp]>([
  ["no JSON", "{", "HEADER_INVALID", /string/],
  ["a list", "[]", "HEADER_INVALID", /begin with/],
  ["no map", `{"metadata":{"total_size":1.5e3,"x":[null,true,{}]}}`, "INDEX_INVALID", /no weight_map/],
  ["an empty map", `{"weight_map":{}}`, "INDEX_INVALID", /names no file/],
  ["one tensor twice", `{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}`, "HEADER_INVALID", /twice/],
  ["a path that climbs out", `{"weight_map":{"a":"../x.safetensors"}}`, "INDEX_INVALID", /own folder/],
  ["an absolute path", `{"weight_map":{"a":"/x.safetensors"}}`, "INDEX_INVALID", /own folder/],
  ["a drive", `{"weight_map":{"a":"c:x.safetensors"}}`, "INDEX_INVALID", /own folder/],
  ["another format", `{"weight_map":{"a":"x.bin"}}`, "INDEX_INVALID", /own folder/],
  ["a number as a file", `{"weight_map":{"a":1}}`, "HEADER_INVALID", /string/],
  ["depth", `{"x":${"[".repeat(100_000)}`, "HEADER_INVALID", /deep/],
  [
    "a missing file",
    `{"weight_map":{"a":"none.safetensors"}}`,
    "FILE_UNREADABLE",
    /none.*index\.json names it/,
  ],
  [
    "a tensor its file lacks",
    `{"weight_map":{"a":"small.safetensors","z":"small.safetensors"}}`,
    "INDEX_INVALID",
    /z: small/,
  ],
  [
    "a tensor it does not name",
    `{"weight_map":{"z":"small.safetensors"}}`,
    "INDEX_INVALID",
    /a: small.*nothing/,
  ],
  [
    "a tensor in two files",
    `{"weight_map":{"a":"small.safetensors","z":"small2.safetensors"}}`,
    "INDEX_INVALID",
    /another file/,
  ],

  ["an empty file", "", "HEADER_INVALID", /begin with/],
  ["a byte order mark", `\ufeff${places("small.safetensors")}`, "HEADER_INVALID", /begin with/],
  ["a list in place of the map", `{"weight_map":["small.safetensors"]}`, "HEADER_INVALID", /expected \{/],
  ["two maps", `{"weight_map":{},"weight_map":{"a":"small.safetensors"}}`, "HEADER_INVALID", /twice/],
  ["a map cut short", `{"weight_map":{"a":"small.safetensors"`, "HEADER_INVALID", /expected \}/],
  ["a path with a Windows separator", places("..\\outside.safetensors"), "INDEX_INVALID", /own folder/],
  ["a path into a folder", places("deeper/x.safetensors"), "INDEX_INVALID", /own folder/],
  ["a path from here", places("./small.safetensors"), "INDEX_INVALID", /own folder/],
  ["a server", places("//server/x.safetensors"), "INDEX_INVALID", /own folder/],
  ["an address", places("file:///x.safetensors"), "INDEX_INVALID", /own folder/],
  ["a name with NUL", places("small\0.safetensors"), "INDEX_INVALID", /own folder/],
  ["an escaped path", `{"weight_map":{"a":"\\u002e.\\/x.safetensors"}}`, "INDEX_INVALID", /own folder/],
  ["no name", places(""), "INDEX_INVALID", /own folder/],
  ["a name without stem", places(".safetensors"), "INDEX_INVALID", /own folder/],
  ["a name of a megabyte", places(`${"x".repeat(1_000_000)}.safetensors`), "INDEX_INVALID", /own folder/],
  ["a shard that is an index", places("hostile.safetensors.index.json"), "INDEX_INVALID", /own folder/],
  ["a shard cut short", places("short.safetensors"), "DATA_TRUNCATED", /short\.safetensors: a/],
  [
    "a shard that does not hold the tensor",
    places("outside.safetensors"),
    "INDEX_INVALID",
    /outside\.safetensors does not hold/,
  ],
  [
    "a hundred thousand shards",
    JSON.stringify({
      weight_map: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`${i}`, `${i}.safetensors`])),
    }),
    "INDEX_INVALID",
    /more than 10000 files/,
  ],
])("a set with an index of %s is refused", (_, text, code, says) => {
  const error = attack(path, Buffer.from(text), readSafetensors);
  expect(error.code).toBe(code);
  expect(error.message).toMatch(says);
});

test("an index over the limit of headers is refused before it is read", () => {
  writeFileSync(path, "");
  truncateSync(path, 100_000_001);
  expect(refusal(() => readSafetensors(path))?.code).toBe("HEADER_TOO_LARGE");
});
