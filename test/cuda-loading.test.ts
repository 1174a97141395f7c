import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, test } from "vitest";
import { loadCuda } from "../lib/backends/cuda.js";
import { js } from "../lib/backends/js.js";
import { loadNative } from "../lib/backends/native.js";
import { SHIM, useShim } from "./support/cuda-shim.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const missing = useShim();
if (missing) console.log(`Loading the CUDA library is not tested here: ${missing}`);
const { cuda } = loadNative();

/** Runs a module that imports the built package, in a process of its own. */
function run(source: string, env: Record<string, string>) {
  const args = ["--input-type=module", "--eval", source];
  return spawnSync(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, MODELPRESS_BACKEND: "", ...env },
    encoding: "utf8",
  });
}

const LIST = `import { backends, unavailableBackends } from "modelpress";
  console.log(JSON.stringify({ names: backends().map(({ name }) => name), missing: unavailableBackends() }));`;

describe.skipIf(missing)("the CUDA library", () => {
  afterEach(() => {
    for (const name of ["DRIVER", "CAPABILITY", "FAIL"]) delete process.env[`MODELPRESS_SHIM_${name}`];
  });

  test.each([
    ["no file", "/nowhere/modelpress_cuda.so", {}, /nowhere/],
    [
      "no driver",
      SHIM,
      { FAIL: "cudaDriverGetVersion:1:35" },
      /cudaDriverGetVersion: cudaErrorInsufficientDriver/,
    ],
    ["an old driver", SHIM, { DRIVER: "12040" }, /supports CUDA 12\.4 and has to support 13\.0: update it/],
    ["no device", SHIM, { FAIL: "cudaGetDeviceCount:1:100" }, /the NVIDIA driver found no device/],
    ["an old device", SHIM, { CAPABILITY: "7000" }, /has compute capability 7\.0, 7\.5 is needed/],
  ])("gives the reason where there is %s, and the processor serves", (_, path, variables, reason) => {
    for (const [name, value] of Object.entries(variables)) process.env[`MODELPRESS_SHIM_${name}`] = value;
    process.env.MODELPRESS_CUDA = path;
    const loaded = loadCuda(cuda, js);
    expect(loaded.reason).toMatch(reason);
    expect(loaded.backend).toBeUndefined();
  });

  it("is refused where it is another library", () => {
    process.env.MODELPRESS_CUDA = process.platform === "darwin" ? "libSystem.dylib" : "libm.so.6";
    expect(loadCuda(cuda, js).reason).toMatch(/is not modelpress's CUDA library/);
  });

  it("is of no use without the addon", () => {
    process.env.MODELPRESS_CUDA = SHIM;
    expect(loadCuda(undefined, js).reason).toBe("the native addon, which loads it, is not there");
  });

  it("tells what the device is", () => {
    process.env.MODELPRESS_CUDA = SHIM;
    const { opened } = loadCuda(cuda, js);
    expect(opened?.device).toMatchObject({ name: "this processor, through a shim", capability: "13.0" });
  });

  it("stands before js in the list of backends, and is used by none but calls that name it", () => {
    const { names, missing } = JSON.parse(run(LIST, { MODELPRESS_CUDA: SHIM }).stdout);
    expect(names.slice(-2)).toEqual(["cuda-shim", "js"]);
    expect(names[0]).not.toBe("cuda-shim");
    expect(missing).toEqual([]);
  });

  it("is forced by MODELPRESS_BACKEND", () => {
    const env = { MODELPRESS_CUDA: SHIM, MODELPRESS_BACKEND: "cuda-shim" };
    expect(JSON.parse(run(LIST, env).stdout).names).toEqual(["cuda-shim"]);
  });
});

describe("without a CUDA library", () => {
  it("backends() has no cuda, and unavailableBackends() says why", () => {
    const { names, missing } = JSON.parse(run(LIST, { MODELPRESS_CUDA: "" }).stdout);
    expect(names).not.toContain("cuda");
    expect(missing).toContainEqual({
      name: "cuda",
      reason: "the package modelpress-cuda is not installed, and MODELPRESS_CUDA names no library",
    });
  });

  it("a call that names cuda is told why there is none", () => {
    const source = `import { minMax } from "modelpress"; minMax(new Float32Array(1), { backend: "cuda" });`;
    expect(run(source, { MODELPRESS_CUDA: "" }).stderr).toMatch(
      /RangeError: Expected one of .*js for backend but received "cuda"; the package modelpress-cuda is not/,
    );
  });
});
