// On a machine with an NVIDIA device and nvcc: builds the CUDA library, runs the tests of every operation on the device, compares
// it with JavaScript on random bits, and times it.
//   npm run build && node scripts/gpu-check.mjs [--rounds N]
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { operationTests } from "./operation-tests.mjs";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "100" } } });
const root = fileURLToPath(new URL("..", import.meta.url));
const name = process.platform === "win32" ? "modelpress_cuda.dll" : "modelpress_cuda.so";

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

/** @param {string} folder */
function libraryIn(folder) {
  return join(root, folder, "prebuilds", `${process.platform}-${process.arch}`, name);
}

// Tests are about small arrays, benchmarks about what users have.
node(["scripts/build-cuda.mjs", "--least-bytes", "0", "--output", join(root, "build/gpu-check")]);
node(["scripts/build-cuda.mjs"]);
const tested = { MODELPRESS_CUDA: libraryIn("build/gpu-check") };
node(
  [
    ...["--input-type=module", "--eval"],
    'import { cudaDevice } from "modelpress"; console.log(cudaDevice()); // throws why there is none',
  ],
  tested,
);
const vitest = join(createRequire(import.meta.url).resolve("vitest/package.json"), "../vitest.mjs");
node([vitest, "run", ...operationTests(root)], { ...tested, MODELPRESS_BACKEND: "cuda" });
node([vitest, "run", "test/device-buffer.test.ts"], tested);
node(["scripts/compare-backends.mjs", "--rounds", values.rounds], tested);
node(["benchmarks/run.mjs", "--backend", "cuda"], { MODELPRESS_CUDA: libraryIn("build/modelpress-cuda") });
