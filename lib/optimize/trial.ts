import { randomUUID } from "node:crypto";
import { readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod/mini";
import type { NodeTreatment, QuantizeResult } from "../compress/options.js";
import { pruneModel } from "../compress/prune/prune-model.js";
import { quantizeModel } from "../compress/quantize-model.js";
import { ModelFormatError, ModelOperationError } from "../errors.js";
import { makeFolder } from "../files/make-folder.js";
import { replaceFile } from "../files/replace-file.js";
import { modelBytes } from "../onnx/model-bytes.js";
import type { OnProgress } from "../progress.js";
import { type Candidate, describeStep } from "./candidate.js";
import { plainDigest } from "./digest.js";
import { evaluate } from "./evaluate.js";
import type { Metric } from "./metric.js";
import { partSource, type SearchData } from "./parts.js";
import { type ReportTrial, trialSchema } from "./report.js";
import { timePair } from "./time-pair.js";

/** What all trials of a search share. */
export interface TrialContext {
  /** The original model. */
  readonly model: string;
  readonly data: SearchData;
  /** The first decides; the others are told. */
  readonly metrics: readonly Metric[];
  readonly maxDrop: number;
  readonly threads: number;
  /** Where trials are kept. */
  readonly folder: string;
  /** What results depend on beside the candidate: digests of model and data, versions, settings. */
  readonly key: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** A trial, and what is to be told of its model where it becomes the result. */
export interface TrialRecord {
  trial: ReportTrial;
  nodes: NodeTreatment[];
  ranges: QuantizeResult["ranges"];
  warnings: string[];
}

/** Part of the key of a trial: another one where the same candidate would give another model, or other figures of it. */
export const TRIAL_VERSION = 2;

const MODEL = "model.onnx";
const RECORD = "trial.json";
const UNFINISHED = ".part";
const UNFINISHED_MS = 3600e3;
/** A candidate this much worse than the limit, for sure, is not looked at further. */
const HOPELESS = 3;

/** Where the model of a trial lies. */
export function trialModel({ folder }: Pick<TrialContext, "folder">, id: string): string {
  return join(folder, id, MODEL);
}

/** What the last step of a trial was given: the original model, or what the step before made of it. */
export function beforeLastStep(context: TrialContext, { id, steps }: ReportTrial): string {
  return steps.length > 1 ? join(context.folder, id, stepFile(steps.length - 2)) : context.model;
}

function stepFile(step: number): string {
  return `step${step}.onnx`;
}

/** The trial of a candidate under these conditions: the same everywhere. */
export function trialId({ key }: Pick<TrialContext, "key">, { steps }: Candidate): string {
  return plainDigest([key, steps]).slice(0, 16);
}

/** A folder that nobody else has for a trial that is under way. */
export function unfinishedFolder(
  context: Pick<TrialContext, "folder" | "key">,
  candidate: Candidate,
): string {
  return join(context.folder, `${trialId(context, candidate)}.${randomUUID()}${UNFINISHED}`);
}

/**
 * Tries a candidate, or tells what came of it before for the same model, data and settings. The trial gets its name when it is
 * whole; where another process was faster, that one's counts.
 *
 * @param place what `unfinishedFolder` gave
 */
export async function runTrial(
  context: TrialContext,
  candidate: Candidate,
  place = unfinishedFolder(context, candidate),
): Promise<TrialRecord> {
  const id = trialId(context, candidate);
  const folder = join(context.folder, id);
  const known = await readRecord(folder);
  if (known) return known;
  // Without a record it is nothing that can be used.
  await rm(folder, { recursive: true, force: true });
  await makeFolder(place);
  try {
    const record = await tryOut(context, candidate, id, place);
    const text = new TextEncoder().encode(JSON.stringify(record));
    await replaceFile(join(place, RECORD), (file) => file.write(text), { sync: false });
    await rename(place, folder);
    return record;
  } catch (error) {
    const other = await readRecord(folder);
    if (other) return other;
    throw error;
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** Removes what searches left that were killed themselves; what others may still work on is younger. */
export async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (!name.endsWith(UNFINISHED) || Date.now() - (await stat(path)).mtimeMs < UNFINISHED_MS) continue;
    await rm(path, { recursive: true, force: true });
  }
}

async function tryOut(
  context: TrialContext,
  candidate: Candidate,
  id: string,
  folder: string,
): Promise<TrialRecord> {
  const start = performance.now();
  const trial: ReportTrial = {
    id,
    label: candidate.label,
    steps: candidate.steps.map(describeStep),
    options: candidate.steps.map(({ operation, options }) => ({ operation, ...options })),
    status: "measured",
    metrics: [],
    onFront: false,
    seconds: 0,
  };
  const record: TrialRecord = { trial, nodes: [], ranges: {}, warnings: [] };
  try {
    await build(context, candidate, folder, record);
    await measure(context, join(folder, MODEL), trial);
  } catch (error) {
    context.signal?.throwIfAborted();
    if (!isOfCandidate(error)) throw error;
    trial.status = "failed";
    trial.reason = error.message;
  }
  trial.seconds = (performance.now() - start) / 1000;
  return record;
}

/** Whether an error says that this candidate cannot be; another than these may say the same of all. */
function isOfCandidate(error: unknown): error is Error {
  if (error instanceof ModelOperationError) return error.code !== "METRIC_FAILED";
  return error instanceof ModelFormatError;
}

/** Carries out the steps, each on what the one before it made. */
async function build(
  context: TrialContext,
  { steps }: Candidate,
  folder: string,
  record: TrialRecord,
): Promise<void> {
  const { data, threads, signal, onProgress } = context;
  let input = context.model;
  for (const [i, { operation, options }] of steps.entries()) {
    const isLast = i === steps.length - 1;
    const output = join(folder, isLast ? MODEL : stepFile(i));
    const common = { output, threads, signal, onProgress };
    const calibration = partSource(data, "calibration");
    if (operation === "prune") {
      const result = await pruneModel(input, { ...options, ...common, data: calibration });
      record.warnings.push(...result.warnings);
      result.model?.close();
    } else {
      const needsData = options.mode === "static" || options.bits === 4;
      const result = await quantizeModel(input, {
        ...options,
        ...common,
        ...(needsData && { data: calibration }),
      });
      record.warnings.push(...result.warnings);
      record.nodes = result.nodes;
      record.ranges = result.ranges;
      result.model.close();
    }
    input = output;
  }
}

async function measure(context: TrialContext, model: string, trial: ReportTrial): Promise<void> {
  const { model: original, data, metrics, maxDrop, threads, signal, onProgress } = context;
  const selection = partSource(data, "selection");
  trial.sizeBytes = modelBytes(model);
  const { values, flips, complete, peakMemoryBytes } = await evaluate(original, model, [selection], {
    metrics,
    threads,
    signal,
    onProgress,
    goOn: ([decisive]) => decisive!.interval[0] <= HOPELESS * maxDrop,
  });
  trial.metrics = values;
  if (flips) trial.flips = flips;
  trial.peakMemoryBytes = peakMemoryBytes;
  if (!complete) {
    trial.status = "stopped early";
    trial.reason = `${values[0]!.name} falls by ${values[0]!.drop.toPrecision(2)} on the first ${values[0]!.samples} samples, where ${maxDrop} is allowed`;
    return;
  }
  trial.latency = await timePair(original, model, selection, { threads, signal, onProgress });
}

const recordSchema = z.object({
  trial: trialSchema,
  nodes: z.array(z.any()),
  ranges: z.record(z.string(), z.any()),
  warnings: z.array(z.string()),
});

/** Undefined where there is none, or it is not whole: then the trial runs again. */
async function readRecord(folder: string): Promise<TrialRecord | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(join(folder, RECORD), "utf8"))) as TrialRecord;
  } catch {
    return undefined;
  }
}
