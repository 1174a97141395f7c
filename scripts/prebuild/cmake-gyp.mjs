#!/usr/bin/env node
// What prebuildify calls in place of node-gyp, in a folder for one platform: builds the addon with CMake, where prebuildify looks for
// it. With ZIG and ZIG_TARGET zig builds for any platform, else this system's compiler for this machine.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { ZIG, ZIG_TARGET } = process.env;

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (error) console.error(error.message);
  if (status !== 0) process.exit(1);
}

mkdirSync("build/Release", { recursive: true });
if (ZIG && ZIG_TARGET) {
  run("cmake", [
    ...["-S", root, "-B", "cmake", "-G", "Ninja", "-Wno-dev", "-DCMAKE_BUILD_TYPE=Release"],
    ...[
      `-DCMAKE_TOOLCHAIN_FILE=${join(root, "cmake/zig.cmake")}`,
      `-DZIG=${ZIG}`,
      `-DZIG_TARGET=${ZIG_TARGET}`,
    ],
    // This machine's strip may not know the other's files.
    "-DCMAKE_MODULE_LINKER_FLAGS=-s",
    `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${join(process.cwd(), "build/Release")}`,
  ]);
  run("cmake", ["--build", "cmake", "--target", "modelpress", "--parallel", "2"]);
} else {
  const cmakeJs = join(createRequire(import.meta.url).resolve("cmake-js/package.json"), "../bin/cmake-js");
  run(process.execPath, [cmakeJs, "build", "--directory", root, "--out", join(process.cwd(), "build")]);
}
