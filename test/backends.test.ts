import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, it, test } from "vitest";
import { js } from "../lib/backends/js.js";
import { backends, ELEMENT_TYPES } from "../lib/index.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Runs a module that imports the built package, in a process of its own. */
function runModule(source: string, env: Record<string, string>) {
  const args = ["--input-type=module", "--eval", source];
  return spawnSync(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
}

const NAMES = `import { backends } from "modelpress"; console.log(backends().map(({ name }) => name).join());`;

const f = (length: number) => new Float32Array(length);
const d = (length: number) => new Float64Array(length);
const { float16, float32, int16, int32, int4, int8 } = ELEMENT_TYPES;

describe.each(backends().filter(({ name }) => name !== "js"))("the binding of $name", (backend) => {
  /** A call that is right but for what is named. */
  const rounding = ({
    order = Int32Array.of(0, 1),
    m = d(4),
    steps = 4,
    scales = f(2),
    block = 2,
    max = 15,
  }) =>
    backend.compensateRounding(
      f(4),
      new Uint8Array(steps),
      m,
      order,
      scales,
      new Int32Array(2),
      block,
      0,
      max,
    );
  const pruning = ({ order = Int32Array.of(0, 1), m = d(4), costs = f(4), keep = 1, of = 1 }) =>
    backend.compensatePruning(f(4), new Uint8Array(4), f(4), costs, m, order, 0, keep, of);
  test.each<[string, () => void, string]>([
    [
      "a shorter y",
      () => backend.quantizeLinear(f(40), float32, new Int8Array(39), int8, 1, 0),
      "x and y differ in length",
    ],
    [
      "a longer x",
      () => backend.dequantizeLinear(new Int8Array(9), int8, f(8), float32, 1, 0),
      "x and y differ in length",
    ],
    ["an x of other type", () => backend.minMax(new Int32Array(4) as never, f(2)), "of another element type"],
    [
      "a y without a kernel",
      () => backend.quantizeLinear(f(4), float32, new Int32Array(4) as never, int32, 1, 0),
      "no kernel",
    ],
    ["a list", () => backend.minMax([1, 2] as never, f(2)), "not a typed array"],
    [
      "a missing argument",
      () => backend.quantizeLinear(f(4), float32, new Int8Array(4), int8, 1, undefined as never),
      "not a number",
    ],
    [
      "a zero point no type has",
      () => backend.quantizeLinear(f(4), float32, new Int8Array(4), int8, 1, 2 ** 31),
      "out of range",
    ],
    [
      "a range of other type",
      () => backend.summarize(f(4), new Int8Array(2), new Float64Array(2)),
      "range is not [min, max]",
    ],
    [
      "counts of other length",
      () => backend.summarize(f(4), f(2), new Float64Array(3)),
      "counts is not [zeros, NaNs]",
    ],
    ["a range of other length", () => backend.minMax(f(4), f(3)), "range is not [min, max]"],
    [
      "ranges that differ",
      () => backend.minMaxPerAxis(f(4), f(2), f(1), 2),
      "mins and maxs differ in length",
    ],
    [
      "no channels",
      () => backend.minMaxPerAxis(f(4), f(0), f(0), 2),
      "whole number of [channels, inner] slices",
    ],
    [
      "part of a slice",
      () => backend.minMaxPerAxis(f(5), f(2), f(2), 2),
      "whole number of [channels, inner]",
    ],
    ["an inner of 0", () => backend.minMaxPerAxis(f(4), f(2), f(2), 0), "argument is not a size"],
    [
      "an inner beyond memory",
      () => backend.minMaxPerAxis(f(4), f(2), f(2), 2 ** 52),
      "whole number of [channels",
    ],
    [
      "fewer zero points than scales",
      () => backend.quantizeLinearPerAxis(f(4), float32, new Int8Array(4), int8, f(2), new Int32Array(1), 2),
      "scales and zeroPoints differ in length",
    ],
    [
      "bytes that are said to be 16 bits",
      () => backend.quantizeLinear(f(4), float32, new Uint8Array(4), int16, 1, 0),
      "of another element type",
    ],
    [
      "float32 that is said to be 16 bits",
      () => backend.dequantizeLinear(new Int8Array(4), int8, f(4), float16, 1, 0),
      "of another element type",
    ],
    [
      "fewer bytes than pairs of 4-bit values",
      () => backend.quantizeLinear(f(5), float32, new Uint8Array(2), int4, 1, 0),
      "x and y differ in length",
    ],
    [
      "fewer scales than blocks",
      () =>
        backend.dequantizeLinearBlocked(
          new Int8Array(12),
          int8,
          f(12),
          float32,
          f(3),
          new Int32Array(3),
          3,
          2,
          2,
        ),
      "one value per block",
    ],
    [
      "part of a slice of blocks",
      () =>
        backend.quantizeLinearBlocked(
          f(8),
          float32,
          new Int8Array(8),
          int8,
          f(4),
          new Int32Array(4),
          3,
          2,
          2,
        ),
      "whole number of [size, inner] slices",
    ],
    [
      "a bitmask that is too short",
      () => backend.packBitmask(f(20), new Uint8Array(2), f(20), 20, d(1)),
      "whole bytes for every row",
    ],
    [
      "rows of a bitmask that are not whole bytes",
      () => backend.unpackBitmask(new Uint8Array(3), f(1), f(20), 10, d(1)),
      "whole bytes for every row",
    ],
    [
      "values of another width",
      () => backend.unpackBitmask(new Uint8Array(1), new Int8Array(1) as never, f(8), 8, d(1)),
      "values is not of the type of y",
    ],
    [
      "elements that have no kernel",
      () => backend.packBitmask(d(8) as never, new Uint8Array(1), d(8) as never, 8, d(1)),
      "no kernel",
    ],
    ["a block that is larger", () => backend.pruneBlocks(f(8), f(8), 4, 3, 1, 1, 1), "a block is larger"],
    ["more blocks than there are", () => backend.pruneBlocks(f(8), f(8), 4, 1, 4, 3, 1), "not a number"],
    ["a norm that is none", () => backend.channelNorms(f(8), d(2), 4, 3), "order is not 1 or 2"],
    ["norms of no channel", () => backend.channelNorms(f(8), d(0), 4, 1), "whole number of [channels"],
    [
      "offsets of other rows",
      () => backend.csrOffsets(f(8), 4, new Int32Array(4)),
      "does not have the rows of offsets",
    ],
    [
      "fewer columns than values",
      () => backend.toCsr(f(8), 4, f(8), new Int32Array(7), new Int32Array(3)),
      "values and indices differ in length",
    ],
    [
      "rows of no offsets",
      () => backend.fromCsr(f(0), new Int32Array(0), new Int32Array(0), f(8), 4, d(1)),
      "there are no offsets",
    ],
    ["a count of nothing", () => backend.countNonzero(f(4), 1, d(0)), "count is not one number"],
    ["a matrix that is not square", () => backend.reversedCholesky(d(5), 2), "not square"],
    ["part of a row", () => backend.accumulateGram(f(3), d(4), 2), "whole rows"],
    ["columns that there are not", () => rounding({ order: Int32Array.of(0, 2) }), "names no column"],
    ["columns before the first", () => rounding({ order: Int32Array.of(-1, 0) }), "names no column"],
    ["a narrower factor", () => rounding({ m: d(3) }), "m is not as wide"],
    ["fewer steps than weights", () => rounding({ steps: 3 }), "w and steps differ in length"],
    ["fewer scales than rows", () => rounding({ scales: f(1) }), "do not fit w"],
    ["blocks of no columns", () => rounding({ block: 0 }), "not a number of columns"],
    ["steps of 16 bits", () => rounding({ max: 300 }), "not steps"],
    ["fewer rows of y", () => backend.accumulateProducts(f(6), f(4), d(6), 2), "same number of whole rows"],
    ["products of part of a row", () => backend.accumulateProducts(f(6), f(9), d(5), 2), "whole rows"],
    ["a mask of other size", () => backend.fitKept(d(4), d(2), new Uint8Array(3), f(2), 2), "do not fit w"],
    ["fewer products", () => backend.fitKept(d(4), d(1), new Uint8Array(2), f(2), 2), "do not fit w"],
    ["a narrower gram", () => backend.fitKept(d(3), d(2), new Uint8Array(2), f(2), 2), "not square"],
    ["pruning in wrong order", () => pruning({ order: Int32Array.of(2, 0) }), "names no column"],
    ["pruning by a narrower factor", () => pruning({ m: d(3) }), "m is not as wide"],
    ["fewer costs", () => pruning({ costs: f(3) }), "differ in length"],
    ["groups of half columns", () => pruning({ of: 3 }), "do not fall into groups"],
    ["groups of none", () => pruning({ of: 0 }), "not a size"],
  ])("refuses %s, for a kernel would leave its memory", (_, call, message) => {
    expect(call).toThrow(message);
  });
});

describe("backends", () => {
  test.each(backends())("$name has the operations of js", (backend) => {
    expect(Object.keys(backend).sort()).toEqual(Object.keys(js).sort());
  });

  it("lists js last", () => {
    const { stdout } = runModule(NAMES, { MODELPRESS_BACKEND: "" });
    expect(stdout.trim().split(",").at(-1)).toBe("js");
  });

  it("holds only the one that MODELPRESS_BACKEND names", () => {
    expect(runModule(NAMES, { MODELPRESS_BACKEND: "js" }).stdout).toBe("js\n");
  });

  it("refuses an unknown MODELPRESS_BACKEND with the names there are", () => {
    const { status, stderr } = runModule(NAMES, { MODELPRESS_BACKEND: "abacus" });
    expect(status).toBe(1);
    expect(stderr).toMatch(/RangeError: Expected one of .*js for MODELPRESS_BACKEND but received "abacus"/);
  });

  it("says why the addon did not load when a native backend is asked for", () => {
    // node-gyp-build looks for builds of this platform only; there are none for this name of it.
    const source = `Object.defineProperty(process, "platform", { value: "plan9" });
      process.env.PREBUILDS_ONLY = "1";
      const { backends } = await import("modelpress"); backends();`;
    const { stderr } = runModule(source, { MODELPRESS_BACKEND: "avx2" });
    expect(stderr).toMatch(
      /Expected one of js for MODELPRESS_BACKEND but received "avx2"; the native addon did not load: /,
    );
  });

  it("says so, and why, where JavaScript has to do without the addon", () => {
    const source = `Object.defineProperty(process, "platform", { value: "plan9" });
      process.env.PREBUILDS_ONLY = "1";
      const { backends, unavailableBackends } = await import("modelpress");
      const missing = unavailableBackends().filter(({ name }) => name === "native");
      console.log(JSON.stringify([backends().map(({ name }) => name), missing]));`;
    const { stdout, stderr } = runModule(source, { MODELPRESS_BACKEND: "" });
    const reason = expect.stringMatching(/^No native build was found for platform=plan9 /);
    expect(JSON.parse(stdout)).toEqual([["js"], [{ name: "native", reason }]]);
    expect(stderr.match(/MODELPRESS_NO_ADDON/g)).toHaveLength(1);
    expect(runModule(source, { MODELPRESS_BACKEND: "js" }).stderr).toBe("");
  });

  it("works in several worker threads at once, and after they end", async () => {
    const built = JSON.stringify(new URL("../dist/index.js", import.meta.url).href);
    const source = `
      const { parentPort } = require("node:worker_threads");
      import(${built}).then(({ backends, quantizeLinear }) => {
        const x = Float32Array.from({ length: 1000 }, (_, i) => i - 500);
        parentPort.postMessage(backends().map((backend) => quantizeLinear(x, { scale: 4, backend }).join()));
      });`;
    const run = () =>
      new Promise<string[]>((resolve, reject) => {
        const worker = new Worker(source, { eval: true });
        worker.once("message", resolve);
        worker.once("error", reject);
      });
    const results = (await Promise.all([run(), run(), run()])).concat([await run()]);
    expect(new Set(results.flat()).size).toBe(1);
  });
});
