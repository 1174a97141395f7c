import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, test, vi } from "vitest";
import type { Operations } from "../lib/backend.js";
import { loadNative } from "../lib/backends/native.js";
import { DeviceBuffer, ELEMENT_TYPES, minMax, quantizeLinear, quantizeLinearAsync } from "../lib/index.js";
import { expectSame } from "./support/bytes.js";
import { SHIM, useShim } from "./support/cuda-shim.js";
import { randomBitPatterns } from "./support/random.js";

const missing = useShim();
if (missing) console.log(`Failures of CUDA are not tested here: ${missing}`);

/** Seven chunks of the shim, so that every slot is used again. */
const LENGTH = 100_000;
const x = randomBitPatterns(LENGTH, 3).map((value) => (Number.isNaN(value) ? 1 : value));
const { float32, int8 } = ELEMENT_TYPES;

const opened = missing ? undefined : loadNative().cuda?.open(SHIM);
/** Without the processor's help: failures are thrown. */
const device = opened?.operations as unknown as Operations<void>;

/** Calls of the runtime that are made once and then never again. */
const ONCE = ["cudaMalloc", "cudaHostAlloc", "cudaStreamCreateWithFlags", "cudaEventCreate"];
const CALLS = [
  ...ONCE,
  "cudaSetDevice",
  "cudaMemcpy",
  "cudaMemcpyAsync",
  "cudaLaunchKernelEx",
  "cudaEventRecord",
  "cudaEventSynchronize",
  "cudaEventElapsedTime",
];

let rules = 0;
/** The shim counts from where the rule changes, and reads no further than the second number. */
function failAt(call: string, which: number): void {
  process.env.MODELPRESS_SHIM_FAIL = `${call}:${which}:719:${rules++}`;
}

afterEach(() => {
  for (const name of ["FAIL", "MEMORY", "TRACE"]) delete process.env[`MODELPRESS_SHIM_${name}`];
});

const OPERATIONS: [string, (operations: Operations<void>) => ArrayBufferView][] = [
  [
    "quantizeLinear",
    (operations) => {
      const y = new Int8Array(LENGTH);
      operations.quantizeLinear(x, float32, y, int8, 0.1, 3);
      return y;
    },
  ],
  [
    "quantizeLinearPerAxis",
    (operations) => {
      const y = new Int8Array(LENGTH);
      const scales = Float32Array.from({ length: 100 }, (_, i) => 1 + i);
      operations.quantizeLinearPerAxis(x, float32, y, int8, scales, new Int32Array(100), 10);
      return y;
    },
  ],
  [
    "minMaxPerAxis",
    (operations) => {
      const ranges = new Float32Array(20);
      operations.minMaxPerAxis(x, ranges.subarray(0, 10), ranges.subarray(10), 5000);
      return ranges;
    },
  ],
];

describe.skipIf(missing)("failures of CUDA", () => {
  describe.each(OPERATIONS)("in %s", (_, run) => {
    test.each(CALLS)("%s is named, and the next call is right", (call) => {
      const expected = run(loadNative().backends.at(-1)!);
      // What was made once is kept: of that, the one after the one that failed before fails next.
      for (let which = 1; which < 200; which = ONCE.includes(call) ? 2 : which + 1) {
        failAt(call, which);
        let failure: unknown;
        try {
          run(device);
        } catch (error) {
          failure = error;
        }
        delete process.env.MODELPRESS_SHIM_FAIL;
        if (failure === undefined) break;
        expect(failure).toEqual(new Error(`${call}: cudaErrorLaunchFailure (stand-in for the CUDA runtime)`));
        if (!ONCE.includes(call)) expectSame(run(device), expected);
      }
      expectSame(run(device), expected);
    });
  });

  it("leave the work to the processor, with one warning", async () => {
    const warning = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const expected = quantizeLinear(x, { scale: 0.1, backend: "scalar" });
    failAt("cudaMemcpyAsync", 4);
    expectSame(quantizeLinear(x, { scale: 0.1, backend: "cuda-shim" }), expected);
    failAt("cudaMemcpyAsync", 2);
    expectSame(await quantizeLinearAsync(x, { scale: 0.1, backend: "cuda-shim" }), expected);
    expect(warning.mock.calls).toEqual([
      [
        "CUDA failed, so the processor does the work: cudaMemcpyAsync: cudaErrorLaunchFailure (stand-in for the CUDA runtime)",
        expect.objectContaining({ code: "MODELPRESS_CUDA" }),
      ],
    ]);
    warning.mockRestore();
  });

  it("may be for want of memory: larger buffers than there is room for", () => {
    process.env.MODELPRESS_SHIM_MEMORY = "1000";
    const scales = new Float32Array(50_000).fill(2);
    expect(() =>
      device.quantizeLinearPerAxis(
        x,
        float32,
        new Int8Array(LENGTH),
        int8,
        scales,
        new Int32Array(50_000),
        2,
      ),
    ).toThrow("cudaMalloc: cudaErrorMemoryAllocation (out of memory)");
  });

  it("are thrown where arrays were on the device", () => {
    process.env.MODELPRESS_SHIM_MEMORY = "1000";
    expect(() => DeviceBuffer.upload(x)).toThrow(
      expect.objectContaining({ code: "DEVICE_FAILED", message: expect.stringContaining("out of memory") }),
    );
  });

  it("are none where wrong arguments are to blame", () => {
    expect(() => device.quantizeLinear(x, float32, new Int8Array(5), int8, 1, 0)).toThrow(RangeError);
  });
});

describe.skipIf(missing)("chunks", () => {
  it("take turns on three streams, so that one is copied while another is computed", () => {
    const folder = mkdtempSync(join(tmpdir(), "modelpress-"));
    process.env.MODELPRESS_SHIM_TRACE = join(folder, "trace");
    quantizeLinear(x, { scale: 0.1, backend: "cuda-shim" });
    const calls = readFileSync(join(folder, "trace"), "utf8").split("\n");
    rmSync(folder, { recursive: true });
    const copies = calls.filter((call) => call.startsWith("cudaMemcpyAsync to device"));
    expect(copies.map((call) => call.at(-1)).join("")).toBe("1231231");
    const firstWait = calls.indexOf("cudaEventSynchronize");
    expect(calls.slice(0, firstWait).filter((call) => copies.includes(call))).toHaveLength(3);
  });

  it("let arrays be larger than the device's memory", () => {
    process.env.MODELPRESS_SHIM_MEMORY = "600000";
    const large = new Float32Array(1_000_000).map((_, i) => Math.sin(i));
    const y = new Int8Array(large.length);
    device.quantizeLinear(large, float32, y, int8, 0.01, 0);
    expectSame(y, quantizeLinear(large, { scale: 0.01, backend: "scalar" }));
    expect(minMax(large, { backend: "cuda-shim" })).toEqual(minMax(large, { backend: "scalar" }));
  });

  it("are timed: copies to the device, kernels, copies back", () => {
    device.quantizeLinear(x, float32, new Int8Array(LENGTH), int8, 1, 0);
    // By the shim's clock a byte takes a nanosecond and a kernel a millisecond.
    const { toDevice, kernels, toHost } = opened!.times();
    expect([toDevice, kernels, toHost].map((value) => value.toFixed(3))).toEqual(["0.400", "7.000", "0.100"]);
  });
});
