import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * Node for a platform, from its npm package, once into `folder`. The package refuses to be installed on another system, but not to be
 * unpacked.
 *
 * @param {Pick<import("./platforms.mjs").Platform, "os" | "arch">} platform
 * @param {string} version "20.20.2", or "22" for the newest of these
 * @param {string} folder
 */
export function nodeFor({ os, arch }, version, folder) {
  const name = { win32: `node-win-${arch}`, darwin: `node-bin-darwin-${arch}` }[os] ?? `node-linux-${arch}`;
  const unpacked = join(folder, `${name}-${version}`);
  const binary = join(unpacked, "package/bin", os === "win32" ? "node.exe" : "node");
  if (existsSync(binary)) return binary;
  mkdirSync(unpacked, { recursive: true });
  const tarball = execFileSync("npm", ["pack", "--silent", `${name}@${version}`], {
    cwd: unpacked,
    encoding: "utf8",
  }).trim();
  execFileSync("tar", ["xzf", tarball], { cwd: unpacked });
  rmSync(join(unpacked, tarball));
  return binary;
}
