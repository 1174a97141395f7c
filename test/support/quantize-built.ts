import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import type { QuantizeOptions, QuantizeResult } from "../../lib/compress/options.js";
import { quantizeModel } from "../../lib/compress/quantize-model.js";
import type { ModelProto } from "../../lib/onnx/proto/onnx_pb.js";
import { ModelProcess } from "../../lib/runtime/model-process.js";
import type { Tensor } from "../../lib/tensor.js";
import { modelFile } from "./build-model.js";
import { randomIntegers } from "./random.js";

/** onnxruntime for the tests of one file, in its own process. */
export function modelProcess(): { models: () => ModelProcess; run: typeof run } {
  let models: ModelProcess;
  beforeAll(async () => {
    models = await ModelProcess.start();
  });
  afterAll(() => models.close());
  async function run(path: string, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
    const session = await models.load(path);
    const results = await session.run(feeds);
    session.release();
    return results;
  }
  return { models: () => models, run };
}

/** Values in -scale..scale that depend on the seed alone. */
export function randomTensor(shape: number[], seed: number, scale = 1): Tensor {
  const next = randomIntegers(seed);
  const length = shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length }, () => (next() / 2 ** 31 - 1) * scale);
  return { dtype: "float32", shape, data };
}

/** Writes a model, quantizes it on the given samples and returns both paths with the result. */
export async function quantizeBuilt(
  folder: string,
  name: string,
  model: ModelProto,
  samples: Record<string, Tensor>[],
  options: QuantizeOptions = {},
): Promise<QuantizeResult & { input: string; output: string }> {
  const input = join(folder, `${name}.onnx`);
  const output = join(folder, `${name}.int8.onnx`);
  writeFileSync(input, modelFile(model));
  const data = samples.map((feeds) => ({ feeds }));
  // Not this machine's processor: results are to be the same on every one.
  const target = "cpu-vnni";
  const result = await quantizeModel(input, { output, target, ...(data.length > 0 && { data }), ...options });
  return { input, output, ...result };
}

export function largestError(a: Tensor, b: Tensor): number {
  expect(a.shape).toEqual(b.shape);
  return (a.data as Float32Array).reduce(
    (max, v, i) => Math.max(max, Math.abs(v - (b.data[i] as number))),
    0,
  );
}

/** How much louder the values of a model are than what another form of it changes: decibels of the output that suffers most. */
export function sqnrDb(want: Record<string, Tensor>, got: Record<string, Tensor>): number {
  const each = Object.entries(want).map(([name, { shape, data }]) => {
    expect(got[name]!.shape).toEqual(shape);
    const [reference, candidate] = [data, got[name]!.data].map((values) =>
      Array.from(values as Float32Array, Number),
    );
    const power = (values: number[]) => values.reduce((sum, value) => sum + value ** 2, 0);
    const noise = power(reference!.map((value, i) => value - candidate![i]!));
    return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(power(reference!) / noise);
  });
  return Math.min(...each);
}
