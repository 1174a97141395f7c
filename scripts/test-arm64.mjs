// Builds the addon for 64-bit Arm and compares its backends with JavaScript under an emulated Node.
// Needs cmake, aarch64-linux-gnu-g++, qemu-aarch64-static, and NODE_ARM64 = path of a linux-arm64 node binary.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const build = join(root, "build/arm64");
const stage = join(build, "package");
const node = process.env.NODE_ARM64;

if (!node || !existsSync(node)) {
  console.error("Set NODE_ARM64 to the path of a linux-arm64 node binary.");
  process.exit(2);
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: "inherit", cwd: stage });
  if (status !== 0) {
    console.error(`${command} failed${error ? `: ${error.message}` : ""}`);
    process.exit(1);
  }
}

rmSync(stage, { recursive: true, force: true });
mkdirSync(join(stage, "prebuilds/linux-arm64"), { recursive: true });
run("cmake", [
  ...["-S", root, "-B", join(build, "cmake"), "-Wno-dev", "-DCMAKE_BUILD_TYPE=Release"],
  ...["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64"],
  `-DCMAKE_CXX_COMPILER=${process.env.CXX_ARM64 ?? "aarch64-linux-gnu-g++"}`,
  `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${join(stage, "prebuilds/linux-arm64")}`,
]);
run("cmake", ["--build", join(build, "cmake")]);

// A package of its own: the loader would prefer this machine's build to the one for Arm.
for (const part of ["package.json", "dist", "scripts/compare-backends.mjs"])
  cpSync(join(root, part), join(stage, part), { recursive: true });
run("qemu-aarch64-static", [
  ...["-L", process.env.SYSROOT_ARM64 ?? "/usr/aarch64-linux-gnu"],
  ...[node, "scripts/compare-backends.mjs", ...process.argv.slice(2)],
]);
