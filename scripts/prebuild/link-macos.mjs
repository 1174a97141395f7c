// Links an addon for macOS from what zig has compiled, with lld (LD64 names it, else ld64.lld is called), which signs it too.
//   node scripts/prebuild/link-macos.mjs ZIG TARGET [FLAG]... -o FILE OBJECT...
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const [zig = "", target = "", ...rest] = process.argv.slice(2);
const [, cpu = "", version = ""] = /^(\w+)-macos\.(\S+)$/.exec(target) ?? [];

/**
 * zig makes C++'s library for a target when something is first linked with it, and tells where it lies.
 *
 * @returns {string[]}
 */
function cppLibraries() {
  const folder = mkdtempSync(join(tmpdir(), "modelpress-link-"));
  try {
    writeFileSync(join(folder, "empty.c"), "void modelpress_empty(void) {}\n");
    const args = ["build-lib", "-target", target, "-dynamic", "-O", "ReleaseFast", "-lc++", "--verbose-link"];
    const { status, stderr } = spawnSync(zig, [...args, "empty.c"], {
      cwd: folder,
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });
    const line = stderr.split("\n").find((each) => each.startsWith("zig ld "));
    if (status !== 0 || line === undefined) throw new Error(`zig could not link for ${target}: ${stderr}`);
    return line.split(" ").filter((word) => /\/lib(c\+\+|c\+\+abi|compiler_rt)\.a$/.test(word));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A flag of a compiler as linkers take it. @param {string} flag */
function forLinker(flag) {
  if (flag === "-Xlinker") return [];
  return flag === "-s" ? ["-S", "-x"] : [flag];
}

const linker = process.env.LD64 ?? "ld64.lld";
const { status, error } = spawnSync(
  linker,
  [
    ...["-arch", cpu === "aarch64" ? "arm64" : cpu, "-platform_version", "macos", version, version],
    ...["-bundle", "-dead_strip", ...rest.flatMap(forLinker), ...cppLibraries()],
    join(dirname(zig), "lib/libc/darwin/libSystem.tbd"),
  ],
  { stdio: "inherit" },
);
if (error) console.error(`${linker} cannot be started (${error.message}): install lld, or name it with LD64`);
process.exitCode = status === 0 ? 0 : 1;
