// Tests the CUDA kernels without a GPU: their source runs on the processor, in the tests that every backend has to pass, and
// where there is an nvcc the real library is built for one architecture and has to load and say what is missing.
//   node scripts/test-cuda.mjs
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const shim = join(root, "build/cuda-shim/modelpress_cuda.so");
const checked = join(root, "build/cuda-check");
const library = join(checked, "prebuilds", `${process.platform}-${process.arch}`, "modelpress_cuda.so");

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
function node(args, env = {}) {
  const { status } = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** The tests of operations, which run on every backend; those of threads and of the event loop are about the addon. */
function operationTests() {
  return readdirSync(join(root, "test")).filter(
    (name) =>
      name.endsWith(".test.ts") &&
      !/^(async|threads|backends|cuda)/.test(name) &&
      /describe\.each\(backends\(\)\)/.test(readFileSync(join(root, "test", name), "utf8")),
  );
}

node(["scripts/build-cuda.mjs", "--shim", "--if-stale"]);
if (existsSync(shim)) {
  const vitest = join(createRequire(import.meta.url).resolve("vitest/package.json"), "../vitest.mjs");
  const tests = operationTests().map((name) => `test/${name}`);
  node([vitest, "run", ...tests], { MODELPRESS_CUDA: shim, MODELPRESS_BACKEND: "cuda-shim" });
}

node(["scripts/build-cuda.mjs", "--arch", "80", "--output", checked]);
if (existsSync(library))
  node(
    [
      "--input-type=module",
      "--eval",
      `import { backends, unavailableBackends } from "modelpress";
       const cuda = backends().find(({ name }) => name === "cuda");
       const missing = unavailableBackends().find(({ name }) => name === "cuda");
       if (!cuda && !/driver|device|compute capability/.test(missing.reason)) throw new Error(missing.reason);
       console.log(cuda ? "The CUDA library loads and has a device" : "The CUDA library loads: " + missing.reason);`,
    ],
    { MODELPRESS_CUDA: library },
  );
