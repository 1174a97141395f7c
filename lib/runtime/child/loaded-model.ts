import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { FitObserver } from "../../calibrate/fit-statistics.js";
import type { LayerObserver } from "../../calibrate/layer-statistics.js";
import type { Observer } from "../../calibrate/observer.js";
import type { RoundingError } from "../../calibrate/rounding-error.js";
import type { ValueInfo } from "../../data/value-info.js";
import { ModelOperationError } from "../../errors.js";
import type { DType, Tensor } from "../../tensor.js";
import { fromOrt, toOrt } from "../convert-tensor.js";
import { loadOnnxruntime, type Onnxruntime } from "../load-onnxruntime.js";
import type { Feeds, LoadOptions, Methods } from "../protocol.js";

/** Onnxruntime logs from this level on: 3 is errors. Warnings about a model's graph would drown them. */
const LOG_ERRORS = 3;

/** A session, and what its runs were folded into. */
export interface LoadedModel {
  readonly label: string;
  readonly session: InferenceSession;
  readonly observers: Map<string, Observer>;
  readonly errors: Map<string, RoundingError>;
  readonly layers: Map<string, LayerObserver>;
  readonly fits: Map<string, FitObserver>;
}

// Where there is a Float16Array (Node 24), onnxruntime's JavaScript insists on it and its native part cannot read it;
// without one, float16 is bits in a Uint16Array, as everywhere here.
Reflect.deleteProperty(globalThis, "Float16Array");

// Begun before anybody asks; who asks is told what went wrong.
const runtime: Promise<Onnxruntime> = loadOnnxruntime();
runtime.catch(() => undefined);

let lastSession = 0;
const models = new Map<number, LoadedModel>();

export async function loadModel({
  model,
  options,
}: Methods["load"]["params"]): Promise<Methods["load"]["result"]> {
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
}

/** Throws RUNTIME_FAILED for a session that was released. */
export function loadedModel(session: number): LoadedModel {
  const model = models.get(session);
  if (model === undefined) throw new ModelOperationError("RUNTIME_FAILED", "The session was released before");
  return model;
}

export async function releaseModel(session: number): Promise<undefined> {
  await loadedModel(session).session.release();
  models.delete(session);
  return undefined;
}

export async function runtimeVersion(): Promise<string> {
  return (await runtime).env.versions.common;
}

/** Samples as onnxruntime takes them. */
export async function convertFeeds(feeds: Feeds): Promise<InferenceSession.FeedsType> {
  const ort = await runtime;
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(ort, tensor)]));
}

export async function runModel(
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

/** onnxruntime's errors carry neither a code nor the model's name. */
export async function runtimeCall<T>(label: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw new ModelOperationError("RUNTIME_FAILED", `${label}: ${(cause as Error).message}`, { cause });
  }
}

function toSessionOptions(options: LoadOptions): InferenceSession.SessionOptions {
  return {
    logSeverityLevel: LOG_ERRORS,
    graphOptimizationLevel: options.graphOptimization ?? "all",
    ...(options.threads !== undefined && { intraOpNumThreads: options.threads }),
    ...(options.optimizedModelFilePath !== undefined && {
      optimizedModelFilePath: options.optimizedModelFilePath,
    }),
    extra: { "session.intra_op.allow_spinning": options.spinning ? "1" : "0", ...options.config },
  };
}

function toValueInfo(value: InferenceSession.ValueMetadata): ValueInfo | undefined {
  if (!value.isTensor || value.type === "string") return undefined;
  const shape = value.shape.map((size) => (size === "" ? "?" : size));
  return { name: value.name, dtype: value.type as DType, shape };
}
