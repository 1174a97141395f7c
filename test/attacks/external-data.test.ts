import { spawnSync } from "node:child_process";
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, test } from "vitest";
import { openModel } from "../../lib/onnx/read.js";
import { buildModel } from "../support/build-model.js";
import { codeOf } from "../support/code-of.js";
import { externalTensor } from "../support/external-tensor.js";
import { temporaryFolder } from "../support/folder.js";

const folder = temporaryFolder();
const outside = temporaryFolder();
writeFileSync(join(folder, "data.bin"), new Uint8Array(16));
mkdirSync(join(folder, "a"));

function codeFor(entries: Record<string, string>): string {
  const model = openModel(buildModel({ nodes: [] }), join(folder, "any.onnx"));
  try {
    return codeOf(() => model.tensor(externalTensor(entries)));
  } finally {
    model.close();
  }
}

test.each([
  ["a path that climbs out", { location: "../data.bin" }, "EXTERNAL_PATH"],
  ["a path that climbs out later", { location: "a/../../data.bin" }, "EXTERNAL_PATH"],
  ["an absolute path", { location: "/etc/hostname" }, "EXTERNAL_PATH"],
  ["a Windows path", { location: "..\\data.bin" }, "EXTERNAL_PATH"],
  ["a drive", { location: "C:data.bin" }, "EXTERNAL_PATH"],
  ["an empty path", { location: "" }, "EXTERNAL_PATH"],
  ["a path with NUL", { location: "data.bin\0" }, "EXTERNAL_PATH"],
  ["a folder", { location: "." }, "EXTERNAL_PATH"],
  ["a missing file", { location: "none.bin" }, "EXTERNAL_MISSING"],
  ["an offset past the end", { offset: "12" }, "EXTERNAL_RANGE"],
  ["a negative offset", { offset: "-8" }, "EXTERNAL_RANGE"],
  ["an offset that is no number", { offset: "1e3" }, "EXTERNAL_RANGE"],
  ["a length that the shape does not need", { length: "4" }, "EXTERNAL_RANGE"],
  ["a huge offset", { offset: "9999999999999999" }, "EXTERNAL_RANGE"],
  ["a path that stays in the end", { location: "a/../data.bin" }, "EXTERNAL_PATH"],
  ["a path from here", { location: "./data.bin" }, "EXTERNAL_PATH"],
  ["two slashes", { location: "a//data.bin" }, "EXTERNAL_PATH"],
  ["a Windows path in the middle", { location: "a\\..\\..\\data.bin" }, "EXTERNAL_PATH"],
  ["a server", { location: "\\\\server\\data.bin" }, "EXTERNAL_PATH"],
  ["an address", { location: "file:///etc/hostname" }, "EXTERNAL_PATH"],
  ["a device", { location: "/dev/zero" }, "EXTERNAL_PATH"],
  ["the memory of the process", { location: "/proc/self/mem" }, "EXTERNAL_PATH"],
  ["a path of 5000 characters", { location: "x/".repeat(2500) }, "EXTERNAL_PATH"],
  ["a folder of its own", { location: "a" }, "EXTERNAL_PATH"],
  ["a file as a folder", { location: "data.bin/x" }, "EXTERNAL_MISSING"],
  ["onnxruntime's mark for memory", { location: "*/_ORT_MEM_ADDR_/*" }, "EXTERNAL_MISSING"],
  ["an offset with a sign", { offset: "+8" }, "EXTERNAL_RANGE"],
  ["an offset in hexadecimal", { offset: "0x8" }, "EXTERNAL_RANGE"],
  ["a fraction", { offset: "8.0" }, "EXTERNAL_RANGE"],
  ["an empty offset", { offset: "" }, "EXTERNAL_RANGE"],
  ["an offset of 2^64", { offset: "18446744073709551616" }, "EXTERNAL_RANGE"],
  ["a negative length", { length: "-1" }, "EXTERNAL_RANGE"],
  ["a length of a megabyte of digits", { length: "9".repeat(1_000_000) }, "EXTERNAL_RANGE"],
])("refuses %s", (_, entries, code) => {
  expect(codeFor(entries)).toBe(code);
});

it.skipIf(process.platform === "win32")("refuses links, by whatever name", () => {
  writeFileSync(join(outside, "secret.bin"), new Uint8Array(16));
  symlinkSync(join(outside, "secret.bin"), join(folder, "soft.bin"));
  linkSync(join(outside, "secret.bin"), join(folder, "hard.bin"));
  symlinkSync(outside, join(folder, "linked-folder"));
  symlinkSync("data.bin", join(folder, "inside.bin"));
  symlinkSync("loop.bin", join(folder, "loop.bin"));
  for (const location of ["soft.bin", "hard.bin", "linked-folder/secret.bin", "inside.bin", "loop.bin"])
    expect(codeFor({ location })).toBe("EXTERNAL_PATH");
});

it.skipIf(process.platform === "win32")("refuses a pipe without waiting for somebody to write to it", () => {
  expect(spawnSync("mkfifo", [join(folder, "pipe.bin")]).status).toBe(0);
  expect(codeFor({ location: "pipe.bin" })).toBe("EXTERNAL_PATH");
});

it("says so when the file became shorter after the model was opened", () => {
  const shrinking = join(folder, "shrinking.bin");
  writeFileSync(shrinking, new Uint8Array(16));
  const model = openModel(buildModel({ nodes: [] }), join(folder, "any.onnx"));
  model.tensor(externalTensor({ location: "shrinking.bin" }));
  truncateSync(shrinking, 4);
  expect(codeOf(() => model.tensor(externalTensor({ location: "shrinking.bin" })))).toBe("EXTERNAL_RANGE");
  model.close();
});
