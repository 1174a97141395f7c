// Builds the addons that the package brings, into prebuilds/.
//   node scripts/prebuild.mjs [--platform NAME]... [--system]
// All by default, with zig, which x64 Linux takes from its npm package (ZIG names another one) and which needs cmake and ninja, and
// lld for macOS. --system builds for this machine with its own compiler.
import { spawnSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ownPlatform, platforms, prebuildOf } from "./prebuild/platforms.mjs";
import { findZig } from "./prebuild/zig.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const build = join(root, "build/prebuild");
const { values: options } = parseArgs({
  options: { platform: { type: "string", multiple: true }, system: { type: "boolean", default: false } },
});

function wanted() {
  if (options.system)
    return [ownPlatform() ?? fail(`No addon is published for ${process.platform}-${process.arch}`)];
  const names = platforms.map(({ name }) => name);
  return (options.platform ?? names).map(
    (name) =>
      platforms.find((platform) => platform.name === name) ??
      fail(`Expected one of ${names.join(", ")} for --platform but received ${name}`),
  );
}

/**
 * @param {string} message
 * @param {number} [code]
 * @returns {never}
 */
function fail(message, code = 2) {
  console.error(message);
  process.exit(code);
}

const script = join(root, "scripts/prebuild/cmake-gyp.mjs");
const prebuildify = join(createRequire(import.meta.url).resolve("prebuildify/package.json"), "../bin.js");
for (const platform of wanted()) {
  const stage = join(build, platform.name);
  mkdirSync(stage, { recursive: true });
  const { status } = spawnSync(
    process.execPath,
    [
      ...[prebuildify, "--napi", "--name", "modelpress", "--cwd", stage, "--out", root],
      ...["--platform", platform.os, "--arch", platform.arch],
      ...(platform.libc ? ["--tag-libc", platform.libc] : []),
      ...(options.system ? ["--strip"] : []),
      // On Windows a shell runs it.
      ...["--node-gyp", process.platform === "win32" ? `node "${script}"` : script],
    ],
    {
      stdio: "inherit",
      env: options.system
        ? process.env
        : { ...process.env, ZIG: findZig(join(build, "zig")), ZIG_TARGET: platform.target },
    },
  );
  if (status !== 0) fail(`${platform.name} could not be built`, 1);
  const addon = prebuildOf(platform);
  console.log(`Built ${addon}, ${Math.round(statSync(join(root, addon)).size / 1000)} kB`);
}
