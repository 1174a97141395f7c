import { cpSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ownPlatform, platforms, prebuildOf } from "../prebuild/platforms.mjs";
import { commandOf, root, run, runNpm } from "./tools.mjs";

const MAX_BYTES = 5_000_000;

/**
 * @typedef {object} Packed
 * @property {string} tarball
 * @property {number} bytes
 * @property {string[]} files
 */

/**
 * Packs the package as npm would publish it, in `folder`.
 *
 * @param {string} folder
 * @param {boolean} prebuilds whether prebuilds/ is complete
 * @returns {Packed}
 */
export function packPackage(folder, prebuilds) {
  const stage = join(folder, "stage");
  const { files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const part of ["package.json", "README.md", "LICENSE", ...files])
    if (part !== "prebuilds" || prebuilds) cpSync(join(root, part), join(stage, part), { recursive: true });
  if (!prebuilds) {
    const own = ownPlatform();
    if (!own) throw new Error(`No addon is published for ${process.platform}-${process.arch}`);
    const addon = join(stage, prebuildOf(own));
    mkdirSync(join(addon, ".."), { recursive: true });
    cpSync(join(root, "build/Release/modelpress.node"), addon);
  }
  const [packed] = JSON.parse(
    runNpm(["pack", "--json", "--ignore-scripts", "--pack-destination", folder], stage),
  );
  const tarball = join(folder, packed.filename);
  return {
    tarball,
    bytes: statSync(tarball).size,
    files: packed.files.map((/** @type {{ path: string }} */ { path }) => path),
  };
}

/**
 * @param {Packed} packed
 * @param {boolean} prebuilds
 */
export function checkContents({ bytes, files }, prebuilds) {
  if (bytes > MAX_BYTES) throw new Error(`${bytes} bytes are more than ${MAX_BYTES}`);
  const wanted = [
    "dist/index.js",
    "dist/index.d.ts",
    "dist/cli/main.js",
    "dist/report.schema.json",
    "LICENSE",
    "README.md",
    "CMakeLists.txt",
  ];
  if (prebuilds) wanted.push(...platforms.map(prebuildOf));
  const missing = wanted.filter((file) => !files.includes(file));
  if (missing.length > 0) throw new Error(`${missing.join(", ")} missing`);
  // npm would run node-gyp for a binding.gyp at the root.
  const unwanted = files.filter((file) =>
    /^binding\.gyp$|^(test|build|models|benchmarks|node_modules)\//.test(file),
  );
  if (unwanted.length > 0) throw new Error(`${unwanted.join(", ")} should not be in the package`);
  return `${files.length} files, ${(bytes / 1e6).toFixed(2)} MB packed`;
}

/** publint and arethetypeswrong, nothing ignored but that the package is for ES modules. @param {string} tarball */
export function lintPackage(tarball) {
  run(process.execPath, [commandOf("publint", "src/cli.js"), tarball, "--strict"], root);
  const attw = commandOf("@arethetypeswrong/cli", "dist/index.js");
  run(process.execPath, [attw, tarball, "--profile", "esm-only"], root);
  return "publint and arethetypeswrong have nothing to say";
}
