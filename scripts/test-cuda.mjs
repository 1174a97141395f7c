// Tests the CUDA kernels without a GPU: their source runs on the processor, in the tests that every backend has to pass, and
// where there is an nvcc the real library is built for one architecture and has to load and say what is missing.
//   node scripts/test-cuda.mjs
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { operationTests } from "./operation-tests.mjs";

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

node(["scripts/build-cuda.mjs", "--shim", "--if-stale"]);
if (existsSync(shim)) {
  const vitest = join(createRequire(import.meta.url).resolve("vitest/package.json"), "../vitest.mjs");
  // Arrays of many MiB, which the caches of processors are about, take minutes here.
  node([vitest, "run", "--testNamePattern", "^(?!.*large)", ...operationTests(root)], {
    MODELPRESS_CUDA: shim,
    MODELPRESS_BACKEND: "cuda-shim",
  });
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
