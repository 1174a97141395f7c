// Runs a prebuilt addon in Node of its own platform: scripts/prebuild/smoke.mjs, then every kernel against JavaScript.
//   node scripts/test-prebuild.mjs --platform NAME [--node MAJOR] [--rounds N]
// This Node runs what is for this machine. Of Debian's packages the others need: qemu-user-static and g++-aarch64-linux-gnu, whose
// libraries Node for Arm uses; wine64 and wine for Windows; musl and g++ for musl, which runs in one version of Node. Node itself comes
// from npm packages, once, into build/. NODE names another binary.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { muslNode } from "./prebuild/musl-node.mjs";
import { nodeFor } from "./prebuild/node-binary.mjs";
import { ownPlatform, platforms, prebuildOf } from "./prebuild/platforms.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values: options } = parseArgs({
  options: {
    platform: { type: "string" },
    node: { type: "string", default: process.versions.node },
    rounds: { type: "string", default: "40" },
  },
});
const platform = platforms.find(({ name }) => name === options.platform);
if (!platform) {
  console.error(`Expected one of ${platforms.map(({ name }) => name).join(", ")} for --platform`);
  process.exit(2);
}

const build = join(root, "build/test-prebuild");
const downloads = join(build, "node");

/**
 * How this machine runs a Node for that one: a command, arguments that go before Node's own, and what they need in the environment.
 *
 * @returns {{ command: string, args?: string[], env?: Record<string, string> }}
 */
function howToRun() {
  const { os, arch, name } = /** @type {NonNullable<typeof platform>} */ (platform);
  const node = () => process.env.NODE ?? nodeFor({ os, arch }, options.node, downloads);
  if (platform === ownPlatform())
    return { command: options.node === process.versions.node ? process.execPath : node() };
  if (name === "linux-x64-musl") {
    const { node: command, env } = muslNode(downloads);
    return { command, env };
  }
  if (name === "linux-arm64-glibc")
    return {
      command: "qemu-aarch64-static",
      args: ["-L", process.env.SYSROOT_ARM64 ?? "/usr/aarch64-linux-gnu", node()],
    };
  // Wine counts as Windows 10 only in a folder of its own that says so.
  if (os === "win32")
    return { command: "wine", args: [node()], env: { WINEPREFIX: join(build, "wine"), WINEDEBUG: "-all" } };
  throw new Error(`${name} does not run here`);
}

/** The package as it is published, with this one addon. @param {string} stage */
function stagePackage(stage) {
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const part of [
    ...["package.json", "dist", "models", "scripts/prebuild"],
    ...["scripts/compare-backends.mjs", "scripts/compare-backends"],
    ...Object.keys(dependencies).map((name) => `node_modules/${name}`),
    prebuildOf(/** @type {NonNullable<typeof platform>} */ (platform)),
  ])
    cpSync(join(root, part), join(stage, part), { recursive: true });
}

const { command, args = [], env: needed } = howToRun();
// Elsewhere: what is installed here must not be found from there.
const stage = mkdtempSync(join(tmpdir(), "modelpress-prebuild-"));
process.once("exit", () => rmSync(stage, { recursive: true, force: true }));
stagePackage(stage);
const wrapper = join(stage, "node");
if (command === "qemu-aarch64-static")
  writeFileSync(wrapper, `#!/bin/sh\nexec ${[command, ...args].join(" ")} "$@"\n`, { mode: 0o755 });
const env = {
  ...process.env,
  ...needed,
  // An emulated process cannot start an emulated one by itself.
  ...(existsSync(wrapper) ? { NODE_WRAPPER: wrapper } : {}),
  LIBC: platform.libc ?? "",
};
if (command === "wine" && !existsSync(join(build, "wine")))
  spawnSync("wine", ["winecfg", "-v", "win10"], { env, stdio: "ignore" });
for (const script of [
  ["scripts/prebuild/smoke.mjs"],
  ["scripts/prebuild/only-in-worker.mjs"],
  ["scripts/compare-backends.mjs", "--rounds", options.rounds],
]) {
  // Node in wine writes to files only.
  const log = join(stage, "output.log");
  const output = openSync(log, "w");
  const { status, error } = spawnSync(command, [...args, ...script], {
    cwd: stage,
    env,
    stdio: ["ignore", output, output],
  });
  process.stdout.write(error?.message ?? readFileSync(log));
  if (status !== 0) process.exit(1);
}
