import type { TensorFileSource } from "../data/open-dataset.js";
import type { ValueInfo } from "../data/value-info.js";
import { ModelFormatError, ModelOperationError } from "../errors.js";
import type { OnProgress } from "../progress.js";
import type { Candidate } from "./candidate.js";
import { openMetric } from "./metric.js";
import { runTrial, type TrialRecord } from "./trial.js";

/** All that a trial needs, as plain data, so that another process or another machine with the same files can run it. */
export interface TrialJob {
  model: string;
  /** The file of the samples. */
  source: TensorFileSource;
  labels?: string | undefined;
  inputs: readonly ValueInfo[];
  /** Names of metrics or paths of their modules. */
  metrics: readonly string[];
  maxDrop: number;
  threads: number;
  folder: string;
  key: string;
  candidate: Candidate;
}

/** Runs a trial that comes from another process, in the folder `place` until it is whole. Throws what runTrial throws. */
export async function runJob(
  { source, labels, inputs, metrics, candidate, ...job }: TrialJob,
  place: string,
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress?: OnProgress | undefined } = {},
): Promise<TrialRecord> {
  const opened = await Promise.all(metrics.map(openMetric));
  const data = { source, labels, inputs };
  return runTrial({ ...job, data, metrics: opened, signal, onProgress }, candidate, place);
}

/** An error on its way between processes. */
export interface SentError {
  name: string;
  code?: string | undefined;
  message: string;
}

export function toSent(error: unknown): SentError {
  const { name, code, message } = error as Partial<SentError>;
  return { name: name ?? "Error", ...(code !== undefined && { code }), message: message ?? String(error) };
}

/** The same kind of error as the one that was sent. */
export function fromSent({ name, code, message }: SentError): Error {
  if (name === "ModelOperationError")
    return new ModelOperationError(code as ModelOperationError["code"], message);
  if (name === "ModelFormatError") return new ModelFormatError(code as ModelFormatError["code"], message);
  return Object.assign(new Error(message), { name });
}
