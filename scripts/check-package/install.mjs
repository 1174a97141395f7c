import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandOf, root, run, runNpm } from "./tools.mjs";

const PROJECT = JSON.stringify({ name: "consumer", private: true, type: "module" });

/** @param {string} folder @param {string} name */
function emptyProject(folder, name) {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, "package.json"), PROJECT);
  return path;
}

/**
 * Installs the tarball in an empty folder, offline and without scripts, and puts beside it what the steps run there.
 *
 * @param {string} folder
 * @param {string} tarball
 */
export function install(folder, tarball) {
  const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", tarball];
  // The first one brings what the package depends on into npm's cache.
  runNpm(args, emptyProject(folder, "first"));
  const path = emptyProject(folder, "consumer");
  const started = performance.now();
  runNpm([...args, "--offline"], path);
  const seconds = (performance.now() - started) / 1000;
  const lock = readFileSync(join(path, "package-lock.json"), "utf8");
  if (lock.includes("hasInstallScript"))
    throw new Error("a dependency wants to run a script when it is installed");
  // To run models, which the package leaves to a peer that takes 290 MB.
  for (const name of ["onnxruntime-node", "onnxruntime-common"])
    symlinkSync(join(root, "node_modules", name), join(path, "node_modules", name), "junction");
  cpSync(join(root, "scripts/check-package/consumer"), path, { recursive: true });
  for (const part of [
    "models",
    "scripts/demo.mjs",
    "scripts/labelled-digits.mjs",
    "scripts/prebuild/smoke.mjs",
  ])
    cpSync(join(root, part), join(path, part), { recursive: true });
  return { path, summary: `offline, without scripts, in ${seconds.toFixed(2)} s` };
}

const MANAGERS = {
  pnpm: { file: "bin/pnpm.cjs", name: "pnpm", args: ["add", "--ignore-scripts"] },
  yarn: { file: "bin/yarn.js", name: "@yarnpkg/cli-dist", args: ["add"] },
};

/**
 * Installs with another package manager and runs the smoke test there; yarn with its archives in place of node_modules.
 *
 * @param {keyof typeof MANAGERS} manager
 * @param {string} folder
 * @param {string} tarball
 */
export function installWith(manager, folder, tarball) {
  const { name, file, args } = MANAGERS[manager];
  const path = emptyProject(folder, manager);
  const command = commandOf(name, file);
  const env = {
    YARN_ENABLE_SCRIPTS: "false",
    YARN_ENABLE_IMMUTABLE_INSTALLS: "false",
    YARN_ENABLE_TELEMETRY: "false",
  };
  if (manager === "yarn") writeFileSync(join(path, "yarn.lock"), "");
  run(
    process.execPath,
    [command, ...args, manager === "yarn" ? `modelpress@file:${tarball}` : tarball],
    path,
    env,
  );
  for (const part of ["models/digits_cnn.onnx", "scripts/prebuild/smoke.mjs"])
    cpSync(join(root, part), join(path, part), { recursive: true });
  const smoke = ["scripts/prebuild/smoke.mjs"];
  return manager === "yarn"
    ? run(process.execPath, [command, "node", ...smoke], path, env).trim()
    : run(process.execPath, smoke, path).trim();
}
