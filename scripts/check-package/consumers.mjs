import { readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandOf, root, run } from "./tools.mjs";

const smoke = "scripts/prebuild/smoke.mjs";

/**
 * The main job and the command line, with one Node.
 *
 * @param {string} consumer
 * @param {string} node
 */
export function job(consumer, node) {
  const version = run(node, ["--version"], consumer).trim();
  run(node, [smoke], consumer);
  const table = run(node, ["scripts/demo.mjs"], consumer);
  const accuracy = /accuracy +[\d.]+ % \([^)]*\) +([\d.]+ %)/.exec(table)?.[1];
  if (!accuracy) throw new Error(`the demo did not tell an accuracy:\n${table}`);
  const cli = "node_modules/modelpress/dist/cli/main.js";
  const output = "weights.onnx";
  run(
    node,
    [cli, "quantize", "models/digits_vit.onnx", "-o", output, "--mode", "weights", "--quiet"],
    consumer,
  );
  const { quantization } = JSON.parse(run(node, [cli, "inspect", output, "--json"], consumer));
  if (quantization.kind !== "weights") throw new Error(`the command line made ${quantization.kind}`);
  return `Node ${version} quantizes a model to ${accuracy} accuracy`;
}

/** Strict types, with both ways to resolve a module, the package's own declarations checked too. @param {string} consumer */
export function types(consumer) {
  const tsc = commandOf("typescript", "bin/tsc");
  const shared = [
    "--noEmit",
    "--strict",
    "--target",
    "es2022",
    "--skipLibCheck",
    "false",
    "--exactOptionalPropertyTypes",
  ];
  const node = ["--types", "node", "--typeRoots", join(root, "node_modules/@types")];
  for (const [module, resolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ])
    run(
      process.execPath,
      [tsc, "types.mts", ...shared, ...node, "--module", `${module}`, "--moduleResolution", `${resolution}`],
      consumer,
    );
  return "strict under NodeNext and bundler resolution";
}

/** Many workers at once, each with the addon. @param {string} consumer */
export function workers(consumer) {
  return run(process.execPath, ["workers.mjs"], consumer).trim();
}

/** Without an addon for this platform JavaScript does the work, and says why. @param {string} consumer */
export function fallback(consumer) {
  const prebuilds = join(consumer, "node_modules/modelpress/prebuilds");
  renameSync(prebuilds, `${prebuilds}.away`);
  try {
    return run(process.execPath, ["fallback.mjs"], consumer).trim();
  } finally {
    renameSync(`${prebuilds}.away`, prebuilds);
  }
}

/** Everything in one file but the addon, which stays in the package. @param {string} consumer */
export function bundle(consumer) {
  const esbuild = commandOf("esbuild", "bin/esbuild");
  const bundled = "out/bundle.mjs";
  const options = ["--bundle", "--platform=node", "--format=esm", "--external:*.node"];
  run(process.execPath, [esbuild, smoke, ...options, `--outfile=${bundled}`, "--log-level=error"], consumer);
  const imported = [...readFileSync(join(consumer, bundled), "utf8").matchAll(/^import .* from "([^"]+)"/gm)];
  const others = imported.map(([, name]) => `${name}`).filter((name) => !/^node:|^(fs|path|url)/.test(name));
  if (others.length > 0) throw new Error(`${others.join(", ")} stayed outside of the bundle`);
  return run(process.execPath, [bundled], consumer).trim();
}

/** @param {string} consumer */
export function jest(consumer) {
  const command = commandOf("jest", "bin/jest.js");
  const config = JSON.stringify({
    rootDir: consumer,
    testMatch: ["**/*.jest.mjs"],
    transform: {},
    haste: { forceNodeFilesystemAPI: true },
  });
  run(process.execPath, ["--experimental-vm-modules", command, "--config", config, "--ci"], consumer);
  return "its test passes in ES modules";
}

/** @param {string} consumer */
export function vitest(consumer) {
  const modules = join(root, "node_modules");
  const config = `export default { test: { include: ["*.vitest.mjs"] }, server: { fs: { strict: false } } };`;
  writeFileSync(join(consumer, "vitest.config.mjs"), config);
  symlinkSync(join(modules, "vitest"), join(consumer, "node_modules/vitest"), "junction");
  const command = commandOf("vitest", "vitest.mjs");
  const pools = ["forks", "threads"];
  for (const pool of pools) run(process.execPath, [command, "run", "--pool", pool], consumer);
  return `its test passes in ${pools.join(", ")}`;
}
