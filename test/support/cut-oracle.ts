import { expect } from "vitest";
import { analyseChannels } from "../../lib/graph/channels/analyse-channels.js";
import type { Axes } from "../../lib/graph/channels/axes.js";
import { channelGroups, setsOf } from "../../lib/graph/channels/channel-groups.js";
import { cutGraph } from "../../lib/graph/channels/cut-graph.js";
import { Graph } from "../../lib/graph/graph.js";
import { liftConstants } from "../../lib/graph/lift-constants.js";
import { fillTensor, isDeferred } from "../../lib/onnx/deferred.js";
import { encodeModel } from "../../lib/onnx/encode.js";
import { readOnnx } from "../../lib/onnx/read.js";
import { encodeTensor } from "../../lib/onnx/tensor-proto.js";
import type { ModelProcess } from "../../lib/runtime/model-process.js";
import { bytesOf, type Tensor } from "../../lib/tensor.js";
import { randomIntegers } from "./random.js";

/** A model and what is known of its channels. */
export function channelsOf(model: Uint8Array | string): Axes {
  const opened = readOnnx(model);
  liftConstants(opened.proto);
  return analyseChannels(new Graph(opened));
}

/** Of every group some sets, one at least stays. */
export function someChannels(axes: Axes, seed: number): Set<number> {
  const next = randomIntegers(seed);
  const removed = new Set<number>();
  for (const { sets } of channelGroups(axes).groups) {
    const kept = sets[next() % sets.length];
    for (const set of sets) if (set !== kept && next() % 2 === 0) removed.add(set);
  }
  return removed;
}

/** The model without some channels. */
export function withoutChannels(axes: Axes, removed: ReadonlySet<number>): Uint8Array {
  cutGraph(axes, removed);
  return fileOf(axes);
}

/** The whole model with zeros wherever a weight would read these channels. */
export function withUnreadChannels(axes: Axes, removed: ReadonlySet<number>): Uint8Array {
  const { graph } = axes;
  for (const reader of axes.readers) {
    const sets = setsOf(axes, reader);
    const { data, shape, dtype } = graph.model.tensor(graph.initializer(reader.weight)!);
    const inner = shape.slice(reader.axis + 1).reduce((a, b) => a * b, 1);
    const masked = (data as Float32Array).map((value, i) =>
      removed.has(sets[Math.floor(i / inner) % sets.length]!) ? 0 : value,
    );
    graph.addInitializer(encodeTensor(reader.weight, dtype, shape, masked));
  }
  graph.commit();
  return fileOf(axes);
}

function fileOf({ graph }: Axes): Uint8Array {
  const { pieces } = encodeModel(graph.model.proto, {
    deferred: (tensor) =>
      isDeferred(tensor)
        ? { byteLength: fillTensor(tensor).byteLength, make: () => bytesOf(fillTensor(tensor)) }
        : undefined,
  });
  return Buffer.concat(pieces.map((piece) => ("make" in piece ? piece.make() : piece) as Uint8Array));
}

/** Expects a model without some channels to compute what the whole model does when nothing reads these; returns both sizes. */
export async function expectCutEqualsMasked(
  models: ModelProcess,
  model: Uint8Array,
  feeds: Record<string, Tensor>,
  seed: number,
): Promise<{ removed: number; bytes: number }> {
  const axes = channelsOf(model);
  const removed = someChannels(axes, seed);
  const [cut, masked] = [withoutChannels(axes, removed), withUnreadChannels(channelsOf(model), removed)];
  const [a, b] = [await run(models, cut, feeds), await run(models, masked, feeds)];
  expect(Object.keys(a)).toEqual(Object.keys(b));
  for (const [name, { shape, data }] of Object.entries(b)) {
    expect(a[name]!.shape).toEqual(shape);
    const largest = (data as Float32Array).reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const off = (data as Float32Array).reduce(
      (max, value, i) => Math.max(max, Math.abs(value - (a[name]!.data[i] as number))),
      0,
    );
    expect(off).toBeLessThanOrEqual(1e-5 * (largest + 1e-3));
  }
  return { removed: removed.size, bytes: model.byteLength - cut.byteLength };
}

async function run(
  models: ModelProcess,
  model: Uint8Array,
  feeds: Record<string, Tensor>,
): Promise<Record<string, Tensor>> {
  const session = await models.load(model, { threads: 1, graphOptimization: "disabled" });
  const results = await session.run(feeds);
  session.release();
  return results;
}
