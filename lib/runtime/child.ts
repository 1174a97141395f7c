import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { FitObserver, type FittedLayer } from "../calibrate/fit-statistics.js";
import { LayerObserver } from "../calibrate/layer-statistics.js";
import { createObserver, type Observer } from "../calibrate/observer.js";
import { RoundingError } from "../calibrate/rounding-error.js";
import type { ValueInfo } from "../data/value-info.js";
import { ModelOperationError } from "../errors.js";
import type { DType, Tensor } from "../tensor.js";
import { fromOrt, toOrt } from "./convert-tensor.js";
import { loadOnnxruntime, type Onnxruntime } from "./load-onnxruntime.js";
import { ownRows, rowsOf } from "./own-rows.js";
import type { Feeds, LoadOptions, Method, Methods, Reply, Request } from "./protocol.js";

/** Onnxruntime logs from this level on: 3 is errors. Warnings about a model's graph would drown them. */
const LOG_ERRORS = 3;

interface LoadedModel {
  label: string;
  session: InferenceSession;
  observers: Map<string, Observer>;
  errors: Map<string, RoundingError>;
  layers: Map<string, LayerObserver>;
  fits: Map<string, FitObserver>;
}

// Where there is a Float16Array (Node 24), onnxruntime's JavaScript insists on it and its native part cannot read it;
// without one, float16 is bits in a Uint16Array, as everywhere here.
Reflect.deleteProperty(globalThis, "Float16Array");

let runtime: Promise<Onnxruntime> | undefined;
let lastSession = 0;
const models = new Map<number, LoadedModel>();

const handlers: { [M in Method]: (params: Methods[M]["params"]) => Promise<Methods[M]["result"]> } = {
  async load({ model, options }) {
    runtime ??= loadOnnxruntime();
    const ort = await runtime;
    const label = typeof model === "string" ? model : "model in memory";
    const sessionOptions = toSessionOptions(options);
    // The overloads take a path or bytes, but not their union.
    const session = await runtimeCall(label, () =>
      ort.InferenceSession.create(model as string, sessionOptions),
    );
    const inputs = session.inputMetadata.map((value) => {
      const info = toValueInfo(value);
      if (info === undefined)
        throw new ModelOperationError(
          "UNSUPPORTED_MODEL",
          `${label}: input ${value.name} is not a tensor of numbers`,
        );
      return info;
    });
    models.set(++lastSession, {
      label,
      session,
      observers: new Map(),
      errors: new Map(),
      layers: new Map(),
      fits: new Map(),
    });
    const outputs = session.outputMetadata.map(toValueInfo).filter((info) => info !== undefined);
    return { session: lastSession, inputs, outputs };
  },

  async run({ session, feeds, outputNames }) {
    return runModel(get(session), await convertFeeds(feeds), outputNames);
  },

  async observe({ session, feeds, outputNames, observer: options, rows: { count, padding } }) {
    const model = get(session);
    const results = await runModel(model, await convertFeeds(feeds), outputNames);
    for (const [name, { dtype, shape, data }] of Object.entries(results)) {
      if (dtype !== "float32") continue;
      let observer = model.observers.get(name);
      if (observer === undefined) {
        observer = createObserver(options);
        model.observers.set(name, observer);
      }
      try {
        const values = data as Float32Array;
        // What repeats the last sample only to fill a fixed batch must not weigh in a distribution.
        if (shape[0] === count + padding)
          observer.observe(values.subarray(0, (values.length / (count + padding)) * count), count);
        else observer.observe(values);
      } catch (cause) {
        throw new ModelOperationError(
          "CALIBRATION_INVALID",
          `${model.label}: tensor ${name}: ${(cause as Error).message}; look for bad calibration data`,
          { cause },
        );
      }
    }
    return undefined;
  },

  async observed({ session }) {
    return Object.fromEntries(
      [...get(session).observers].map(([name, observer]) => [name, observer.result()]),
    );
  },

  async observeLayers({ session, feeds, layers, gram, padding }) {
    const rows = rowsOf(feeds);
    const model = get(session);
    const tensors = new Set(Object.values(layers).map(({ tensor }) => tensor));
    const results = await runModel(model, await convertFeeds(feeds), [...tensors]);
    for (const [name, layer] of Object.entries(layers)) {
      const { dtype, shape, data } = results[layer.tensor]!;
      if (dtype !== "float32") continue;
      let observer = model.layers.get(name);
      if (observer === undefined) {
        observer = new LayerObserver(layer, gram);
        model.layers.set(name, observer);
      }
      const own = ownRows({ shape, data }, rows, padding);
      observer.observe(own.values, own.shape);
    }
    return undefined;
  },

  async takeLayer({ session, layer }) {
    const { layers } = get(session);
    const result = layers.get(layer)?.result();
    layers.delete(layer);
    return result;
  },

  async observeFits({ reference, candidate, feeds, layers, padding }) {
    const rows = rowsOf(feeds);
    const model = get(candidate);
    const inputs = await convertFeeds(feeds);
    const names = (tensor: (layer: FittedLayer) => string) => [...new Set(Object.values(layers).map(tensor))];
    const results = await runModel(
      model,
      inputs,
      names(({ input }) => input.tensor),
    );
    const targets = await runModel(
      get(reference),
      inputs,
      names(({ target }) => target.tensor),
    );
    for (const [name, layer] of Object.entries(layers)) {
      const [input, target] = [results[layer.input.tensor]!, targets[layer.target.tensor]!];
      if (input.dtype !== "float32" || target.dtype !== "float32") continue;
      let fit = model.fits.get(name);
      if (fit === undefined) {
        fit = new FitObserver(layer);
        model.fits.set(name, fit);
      }
      fit.observe(ownRows(input, rows, padding), ownRows(target, rows, padding));
    }
    return undefined;
  },

  async takeFit({ session, layer }) {
    const { fits } = get(session);
    const result = fits.get(layer)?.result();
    fits.delete(layer);
    return result;
  },

  async compareTensors({ reference, candidate, feeds, pairs, rows: { count, padding } }) {
    const inputs = await convertFeeds(feeds);
    const model = get(candidate);
    const floatNames = pairs.flatMap(({ float }) => float ?? []);
    const floats = floatNames.length > 0 ? await runModel(get(reference), inputs, floatNames) : {};
    const names = new Set(pairs.flatMap(({ before, after }) => [before, after]));
    const results = await runModel(model, inputs, [...names]);
    for (const { name, before, after, float } of pairs) {
      const [ours, rounded] = [results[before]!, results[after]!];
      const own = float === undefined ? undefined : floats[float];
      let error = model.errors.get(name);
      if (error === undefined) {
        error = new RoundingError();
        model.errors.set(name, error);
      }
      const { shape, data } = ours;
      const length = shape[0] === count + padding ? (data.length / (count + padding)) * count : data.length;
      const alike = own?.data.length === data.length ? (own.data as Float32Array) : undefined;
      error.add(data as Float32Array, rounded.data as Float32Array, alike, length);
    }
    return undefined;
  },

  async comparedTensors({ candidate }) {
    return Object.fromEntries([...get(candidate).errors].map(([name, error]) => [name, error.result()]));
  },

  async time({ sessions, feeds, options }) {
    const inputs = await convertFeeds(feeds);
    const timed = sessions.map(get);
    const repeats: number[] = [];
    // One run at least tells how many fit into a turn.
    const warmup = Math.max(options.warmup, options.minMs > 0 ? 1 : 0);
    for (const { label, session } of timed) {
      let warmest = Number.POSITIVE_INFINITY;
      for (let i = 0; i < warmup; i++) warmest = Math.min(warmest, await timeRuns(label, session, inputs, 1));
      repeats.push(Math.max(1, Math.ceil(options.minMs / warmest)));
    }
    const times: number[][] = timed.map(() => []);
    for (let round = 0; round < options.rounds; round++)
      for (const [i, { label, session }] of timed.entries())
        times[i]!.push(await timeRuns(label, session, inputs, repeats[i]!));
    return times;
  },

  async version() {
    runtime ??= loadOnnxruntime();
    return (await runtime).env.versions.common;
  },

  async peakMemory() {
    return process.resourceUsage().maxRSS * 1024;
  },

  async release({ session }) {
    await get(session).session.release();
    models.delete(session);
    return undefined;
  },
};

function get(session: number): LoadedModel {
  const model = models.get(session);
  if (model === undefined) throw new ModelOperationError("RUNTIME_FAILED", "The session was released before");
  return model;
}

function toSessionOptions(options: LoadOptions): InferenceSession.SessionOptions {
  return {
    logSeverityLevel: LOG_ERRORS,
    graphOptimizationLevel: options.graphOptimization ?? "all",
    ...(options.threads !== undefined && { intraOpNumThreads: options.threads }),
    ...(options.optimizedModelFilePath !== undefined && {
      optimizedModelFilePath: options.optimizedModelFilePath,
    }),
    ...(options.config !== undefined && { extra: options.config }),
  };
}

function toValueInfo(value: InferenceSession.ValueMetadata): ValueInfo | undefined {
  if (!value.isTensor || value.type === "string") return undefined;
  const shape = value.shape.map((size) => (size === "" ? "?" : size));
  return { name: value.name, dtype: value.type as DType, shape };
}

async function convertFeeds(feeds: Feeds): Promise<InferenceSession.FeedsType> {
  const ort = await runtime!;
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(ort, tensor)]));
}

async function runModel(
  { label, session }: LoadedModel,
  feeds: InferenceSession.FeedsType,
  outputNames: readonly string[],
): Promise<Record<string, Tensor>> {
  const results = await runtimeCall(label, () => session.run(feeds, outputNames));
  const tensors: Record<string, Tensor> = {};
  for (const name of outputNames) {
    const tensor = fromOrt(results[name] as OrtTensor);
    if (tensor === undefined)
      throw new ModelOperationError("UNSUPPORTED_MODEL", `${label}: output ${name} is text`);
    tensors[name] = tensor;
  }
  return tensors;
}

/** Mean milliseconds of one run. */
async function timeRuns(
  label: string,
  session: InferenceSession,
  feeds: InferenceSession.FeedsType,
  runs: number,
): Promise<number> {
  return runtimeCall(label, async () => {
    const start = performance.now();
    for (let i = 0; i < runs; i++) await session.run(feeds);
    return (performance.now() - start) / runs;
  });
}

/** onnxruntime's errors carry neither a code nor the model's name. */
async function runtimeCall<T>(label: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw new ModelOperationError("RUNTIME_FAILED", `${label}: ${(cause as Error).message}`, { cause });
  }
}

async function answer<M extends Method>({ id, method, params }: Request<M>): Promise<void> {
  let reply: Reply;
  try {
    reply = { id, result: await handlers[method](params) };
  } catch (error) {
    const code = error instanceof ModelOperationError ? error.code : "RUNTIME_FAILED";
    reply = { id, error: { code, message: (error as Error).message } };
  }
  process.send!(reply);
}

// One request at a time, in order: a run blocks this process anyway, and timings must not overlap.
let queue = Promise.resolve();
process.on("message", (request: Request) => {
  queue = queue.then(() => answer(request));
});
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole process group; the parent decides what becomes of this process.
process.on("SIGINT", () => undefined);
