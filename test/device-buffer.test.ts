import { describe, expect, it, test } from "vitest";
import {
  DeviceBuffer,
  dequantizeLinear,
  deviceOperations,
  ELEMENT_TYPES,
  magnitudeThreshold,
  minMax,
  packBitmask,
  pruneMagnitude,
  pruneNM,
  quantizeBlockwise,
  quantizeLinear,
} from "../lib/index.js";
import { expectSame } from "./support/bytes.js";
import { useShim } from "./support/cuda-shim.js";
import { randomBitPatterns } from "./support/random.js";

const missing = useShim();
if (missing) console.log(`Buffers of the device are not tested here: ${missing}`);

const { float32, int8 } = ELEMENT_TYPES;
const x = randomBitPatterns(30_000, 5).map((value) => (Number.isFinite(value) ? value % 100 : 1));
const backend = "scalar";

describe.skipIf(missing)("DeviceBuffer", () => {
  it("brings back what was uploaded", () => {
    for (const array of [x, new Uint8Array(x.buffer, 3, 77), new Int16Array(0)]) {
      const buffer = DeviceBuffer.upload(array);
      expect(buffer.length).toBe(array.length);
      expectSame(buffer.download(), array);
      buffer.dispose();
    }
  });

  it("stays on the device from one operation to the next", () => {
    const weights = DeviceBuffer.upload(x);
    const steps = DeviceBuffer.allocate(Int8Array, x.length);
    const again = DeviceBuffer.allocate(Float32Array, x.length);
    const cuda = deviceOperations();
    const range = new Float32Array(2);
    cuda.minMax(weights, range);
    expect({ min: range[0], max: range[1] }).toEqual(minMax(x, { backend }));
    cuda.quantizeLinear(weights, float32, steps, int8, 0.5, 3);
    cuda.dequantizeLinear(steps, int8, again, float32, 0.5, 3);
    const q = quantizeLinear(x, { scale: 0.5, zeroPoint: 3, backend });
    expectSame(steps.download(), q);
    expectSame(again.download(), dequantizeLinear(q, { scale: 0.5, zeroPoint: 3, backend }));
  });

  it("is pruned and ranked in place", () => {
    const weights = DeviceBuffer.upload(x);
    const cuda = deviceOperations();
    const threshold = new Float32Array(1);
    cuda.magnitudeThreshold([weights], x.length / 2, threshold);
    expect(threshold[0]).toBe(magnitudeThreshold(x, 0.5, { backend }));
    cuda.pruneNM(weights, weights, 2, 4, 1);
    const pruned = pruneNM(x, { keep: 2, of: 4, backend });
    expectSame(weights.download(), pruned);
    cuda.pruneMagnitude([weights], [weights], 20_000);
    expectSame(weights.download(), pruneMagnitude(pruned, { sparsity: 2 / 3, backend }));
  });

  it("is quantized in blocks", () => {
    const layout = { rows: 100, cols: 300, bits: 4, blockSize: 32, symmetric: false } as const;
    const expected = quantizeBlockwise(x, { ...layout, backend });
    const w = DeviceBuffer.upload(x);
    const packed = DeviceBuffer.allocate(Uint8Array, expected.packed.length);
    const scales = DeviceBuffer.allocate(Float32Array, expected.scales.length);
    const zeroPoints = DeviceBuffer.allocate(Uint8Array, expected.zeroPoints!.length);
    deviceOperations().quantizeBlockwise(w, packed, scales, zeroPoints, 100, 300, 32, 4, false);
    expectSame(packed.download(), expected.packed);
    expectSame(scales.download(), expected.scales);
    expectSame(zeroPoints.download(), expected.zeroPoints!);
  });

  it("is taken apart into values and their bits, and put together again", () => {
    const sparse = x.map((value) => (Math.abs(value) < 20 ? value : 0));
    const expected = packBitmask(sparse, { shape: [400, 75], backend });
    const count = new Float64Array(1);
    const from = DeviceBuffer.upload(sparse);
    const bitmask = DeviceBuffer.allocate(Uint8Array, expected.bitmask.length);
    const values = DeviceBuffer.allocate(Float32Array, expected.values.length);
    deviceOperations().packBitmask(from, bitmask, values, 75, count);
    expect(count[0]).toBe(expected.values.length);
    expectSame(values.download(), expected.values);
    expectSame(bitmask.download(), expected.bitmask);
    const to = DeviceBuffer.allocate(Float32Array, sparse.length);
    deviceOperations().unpackBitmask(bitmask, values, to, 75, count);
    expectSame(to.download(), sparse);
  });

  test.each<[string, () => unknown, string]>([
    [
      "an array of 8 bytes",
      () => DeviceBuffer.upload(new Float64Array(1) as never),
      "elements of 1, 2 or 4 bytes",
    ],
    ["a negative length", () => DeviceBuffer.allocate(Int8Array, -1), "0 or more, for length"],
    [
      "another type of out",
      () => DeviceBuffer.upload(x).download(new Int32Array(30_000) as never),
      "for out",
    ],
    [
      "a shorter out",
      () => DeviceBuffer.upload(x).download(x.subarray(1)),
      "another length than the device buffer",
    ],
    [
      "one array on the device and one not",
      () => deviceOperations().float32ToFloat16(DeviceBuffer.upload(x), new Uint16Array(30_000)),
      "x and y are not both on the device",
    ],
    [
      "a buffer of another type",
      () => deviceOperations().minMax(DeviceBuffer.upload(new Int8Array(4)), new Float32Array(2)),
      "device buffer of another element type",
    ],
    [
      "a shorter y",
      () =>
        deviceOperations().quantizeLinear(
          DeviceBuffer.upload(x),
          float32,
          DeviceBuffer.allocate(Int8Array, 4),
          int8,
          1,
          0,
        ),
      "x and y differ in length",
    ],
  ])("refuses %s", (_, call, message) => {
    expect(call).toThrow(message);
  });

  it("is of no use once it was disposed, and may be disposed twice", () => {
    const buffer = DeviceBuffer.upload(x);
    buffer.dispose();
    buffer[Symbol.dispose]();
    expect(() => buffer.download()).toThrow("the device buffer was disposed");
    expect(() => deviceOperations().minMax(buffer, new Float32Array(2))).toThrow("disposed");
  });
});
