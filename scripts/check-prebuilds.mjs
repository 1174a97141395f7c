// Checks the addons in prebuilds/: all are there, each for its processor, needs no library and no symbol that a supported system
// lacks, exports what Node calls and nothing else, and is small.
//   node scripts/check-prebuilds.mjs [--platform NAME]... [--folder DIR]
// Needs llvm-objdump (Debian: llvm), which reads the files of all systems.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readElf, readMachO, readPe } from "./prebuild/binaries.mjs";
import { platforms, prebuildOf } from "./prebuild/platforms.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values: options } = parseArgs({
  options: {
    platform: { type: "string", multiple: true },
    folder: { type: "string", default: root },
  },
});

const MAX_BYTES = 1_500_000;
const MAX_GLIBC = "2.28";
const EXPORTS = ["napi_register_module_v1", "node_api_module_get_api_version_v1"];
/** What comes with a static library for Windows, where it disturbs nobody: an import names the library that it is from. */
const WINDOWS_EXPORTS = /^(_Unwind_|unw_|_GCC_)/;
/** What every system of a kind has. */
const LIBRARIES = {
  glibc: /^(ld-linux-(x86-64|aarch64)\.so\.\d|lib(c|dl|m|pthread)\.so\.\d)$/,
  musl: /^libc\.(so|musl-(x86_64|aarch64)\.so\.1)$/,
  win32: /^(KERNEL32|msvcrt)\.dll$/i,
  darwin: /^\/usr\/lib\/(libSystem\.B|libc\+\+\.1)\.dylib$/,
};

/**
 * @param {string} version
 * @param {string} other
 */
function laterThan(version, other) {
  return version.localeCompare(other, "en", { numeric: true }) > 0;
}

/**
 * What is wrong with a platform's addon.
 *
 * @param {import("./prebuild/platforms.mjs").Platform} platform
 * @param {string} path
 */
function faults(platform, path) {
  const read = { linux: readElf, win32: readPe, darwin: readMachO }[platform.os];
  if (!read) throw new Error(`no reader for ${platform.os}`);
  const binary = read(path);
  const allowed = LIBRARIES[/** @type {keyof typeof LIBRARIES} */ (platform.libc ?? platform.os)];
  const bytes = statSync(path).size;
  const others = binary.exports.filter(
    (name) => !EXPORTS.includes(name) && !(platform.os === "win32" && WINDOWS_EXPORTS.test(name)),
  );
  const found = [
    binary.arch !== platform.arch && `it is for ${binary.arch}`,
    bytes > MAX_BYTES && `it has ${bytes} bytes, more than ${MAX_BYTES}`,
    ...EXPORTS.filter((name) => !binary.exports.includes(name)).map((name) => `it does not export ${name}`),
    others.length > 0 && `it exports ${others.length} other symbols: ${others.slice(0, 5).join(", ")}`,
    ...binary.libraries.filter((name) => !allowed.test(name)).map((name) => `it needs the library ${name}`),
    ...(binary.glibc ?? [])
      .filter((version) => platform.libc === "musl" || laterThan(version, MAX_GLIBC))
      .map((version) => `it needs symbols of glibc ${version}`),
    binary.macos && laterThan(binary.macos, "11.0") && `it needs macOS ${binary.macos}`,
    binary.stays === false && "it can be unloaded, and leaves its exit handlers behind",
    platform.os === "darwin" && platform.arch === "arm64" && !binary.signed && "it is not signed",
  ].filter((fault) => typeof fault === "string");
  const newest = binary.glibc?.reduce((a, b) => (laterThan(b, a) ? b : a), "2.0");
  const needs =
    platform.libc === "glibc" ? `, glibc ${newest}` : binary.macos ? `, macOS ${binary.macos}` : "";
  return { found, summary: `${Math.round(bytes / 1000)} kB${needs}` };
}

if (spawnSync("llvm-objdump", ["--version"]).error && !process.env.LLVM_OBJDUMP) {
  console.error("llvm-objdump was not found: install llvm, or name it with LLVM_OBJDUMP");
  process.exit(1);
}
const wanted = platforms.filter(({ name }) => options.platform?.includes(name) ?? true);
for (const platform of wanted) {
  const addon = prebuildOf(platform);
  const path = join(options.folder, addon);
  if (!existsSync(path)) {
    console.error(`${platform.name}: ${addon} is missing`);
    process.exitCode = 1;
    continue;
  }
  const { found, summary } = faults(platform, path);
  if (found.length > 0) process.exitCode = 1;
  console.log(`${platform.name}: ${found.length > 0 ? found.join("; ") : `${addon}, ${summary}`}`);
}
