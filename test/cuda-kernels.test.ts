import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it, test } from "vitest";
import { OPERATION_CALLS, resultBytes } from "./support/calls.js";
import { SHIM, useShim } from "./support/cuda-shim.js";

const missing = useShim();
if (missing) console.log(`The CUDA kernels are not tested here: ${missing}`);

describe.skipIf(missing)("the CUDA kernels, run on the processor", () => {
  test.each(OPERATION_CALLS)("$name: the bits of the scalar kernels", async ({ now, later }) => {
    const expected = resultBytes(now({ backend: "scalar" }));
    expect(resultBytes(now({ backend: "cuda-shim" })).equals(expected)).toBe(true);
    expect(resultBytes(await later({ backend: "cuda-shim" })).equals(expected)).toBe(true);
  });

  it("equal JavaScript on any bits, in every type and layout", () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["scripts/compare-backends.mjs", "--rounds", "8", "--seed", "7"],
      {
        cwd: fileURLToPath(new URL("..", import.meta.url)),
        env: { ...process.env, MODELPRESS_CUDA: SHIM, MODELPRESS_BACKEND: "" },
        encoding: "utf8",
      },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/cuda-shim, js: \d+ bytes equal/);
  });
});
