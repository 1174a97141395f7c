// Packs the package and puts it through what its users do with it, in empty folders outside the repository:
//   node scripts/check-package.mjs [--prebuilds] [--nodes 22,24] [--only STEP]...
// Steps: contents, lint, types, job, install, workers, fallback, bundle, jest, vitest, pnpm, yarn. --prebuilds takes the addons in
// prebuilds/, else the one that was built here stands for this platform. --nodes names versions of Node beside this one, which come
// from npm packages.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundle, fallback, jest, job, types, vitest, workers } from "./check-package/consumers.mjs";
import { install, installWith } from "./check-package/install.mjs";
import { checkContents, lintPackage, packPackage } from "./check-package/pack.mjs";
import { installTools, root } from "./check-package/tools.mjs";
import { nodeFor } from "./prebuild/node-binary.mjs";

const { values: options } = parseArgs({
  options: {
    prebuilds: { type: "boolean", default: false },
    nodes: { type: "string", default: "" },
    only: { type: "string", multiple: true },
  },
});

const folder = mkdtempSync(join(tmpdir(), "modelpress-package-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
const own = { os: process.platform, arch: process.arch };
const nodes = [
  process.execPath,
  ...options.nodes
    .split(",")
    .filter(Boolean)
    .map((version) => nodeFor(own, version, join(root, "build/test-prebuild/node"))),
];

installTools();
const packed = packPackage(folder, options.prebuilds);
const consumer = install(folder, packed.tarball);

/** Each returns what there is to say of it, or throws. @type {Record<string, () => string>} */
const steps = {
  contents: () => checkContents(packed, options.prebuilds),
  lint: () => lintPackage(packed.tarball),
  types: () => types(consumer.path),
  install: () => consumer.summary,
  job: () => nodes.map((node) => job(consumer.path, node)).join("; "),
  workers: () => workers(consumer.path),
  fallback: () => fallback(consumer.path),
  bundle: () => bundle(consumer.path),
  jest: () => jest(consumer.path),
  vitest: () => vitest(consumer.path),
  pnpm: () => installWith("pnpm", folder, packed.tarball),
  yarn: () => installWith("yarn", folder, packed.tarball),
};
for (const [name, step] of Object.entries(steps)) {
  if (options.only && !options.only.includes(name)) continue;
  const started = performance.now();
  try {
    const said = step();
    console.log(`${name}: ${said} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    console.error(`${name} FAILED: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
