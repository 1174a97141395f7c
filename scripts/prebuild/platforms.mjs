import { existsSync } from "node:fs";

/**
 * @typedef {object} Platform
 * @property {string} name what --platform takes
 * @property {string} os as process.platform
 * @property {string} arch as process.arch
 * @property {"glibc" | "musl"} [libc]
 * @property {string} target zig's name of it; glibc 2.28 is what Node 20 itself needs
 */

/** The platforms that the package brings an addon for. @type {readonly Platform[]} */
export const platforms = [
  {
    name: "linux-x64-glibc",
    os: "linux",
    arch: "x64",
    libc: "glibc",
    target: "x86_64-linux-gnu.2.28",
  },
  { name: "linux-x64-musl", os: "linux", arch: "x64", libc: "musl", target: "x86_64-linux-musl" },
  {
    name: "linux-arm64-glibc",
    os: "linux",
    arch: "arm64",
    libc: "glibc",
    target: "aarch64-linux-gnu.2.28",
  },
  { name: "linux-arm64-musl", os: "linux", arch: "arm64", libc: "musl", target: "aarch64-linux-musl" },
  { name: "win32-x64", os: "win32", arch: "x64", target: "x86_64-windows-gnu" },
  { name: "darwin-arm64", os: "darwin", arch: "arm64", target: "aarch64-macos.11.0" },
  { name: "darwin-x64", os: "darwin", arch: "x64", target: "x86_64-macos.11.0" },
];

/** This machine's own platform, if an addon is published for it. */
export function ownPlatform() {
  const own = existsSync("/etc/alpine-release") ? "musl" : "glibc";
  return platforms.find(
    ({ os, arch, libc = own }) => os === process.platform && arch === process.arch && libc === own,
  );
}

/** Where its addon lies in the package; the loader looks for these names. @param {Platform} platform */
export function prebuildOf({ os, arch, libc }) {
  return `prebuilds/${os}-${arch}/modelpress${libc ? `.${libc}` : ""}.node`;
}
