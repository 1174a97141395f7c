import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ModelFormatError } from "../errors.js";
import { makeFolder } from "../files/make-folder.js";
import { inspectModel } from "../graph/inspect-model.js";
import { modelBytes } from "../onnx/model-bytes.js";
import { packageVersion } from "../package-version.js";
import { ModelProcess } from "../runtime/model-process.js";
import { modelDigest, plainDigest } from "./digest.js";
import { tritonConfig } from "./export-triton.js";
import type { Wanted } from "./gate.js";
import { openMetrics } from "./metric.js";
import type { OptimizeOptions, OptimizeSettings } from "./options.js";
import { dataDigest, measureParts, type PartSizes, type SearchData } from "./parts.js";
import { removeUnfinished, TRIAL_VERSION, type TrialContext } from "./trial.js";

/** What is known before the first trial. */
export interface PreparedSearch {
  readonly context: TrialContext;
  readonly wanted: Wanted;
  /** Samples of each use. */
  readonly sizes: PartSizes;
  readonly labelled: boolean;
  /** Version of onnxruntime. */
  readonly runtime: string;
}

/** Opens model, data and metrics, and the folder of the trials. Throws what optimizeModel throws for these. */
export async function prepareSearch(
  input: string,
  options: OptimizeOptions,
  settings: OptimizeSettings,
  folder: string,
): Promise<PreparedSearch> {
  // What cannot be exported should not take a search to find out.
  if (options.exports?.includes("triton")) tritonConfig("model", inspectModel(input));
  const trials = await trialsFolder(folder);
  const { data, runtime } = await openData(input, options, settings);
  const { sizes, labelled } = await measureParts(data);
  const metrics = await openMetrics(options.metrics, labelled);
  const key = plainDigest([
    packageVersion(),
    TRIAL_VERSION,
    runtime,
    await modelDigest(input),
    await dataDigest(data),
    metrics.map(({ name }) => name),
    moduleTexts(options),
    settings.maxDrop,
    settings.threads,
  ]);
  await removeUnfinished(trials);
  const { signal, onProgress } = options;
  return {
    context: { model: input, data, metrics, ...settings, folder: trials, key, signal, onProgress },
    wanted: { ...settings, originalBytes: modelBytes(input) },
    sizes,
    labelled,
    runtime,
  };
}

/** Where the trials of a search lie, made where it is missing. Throws FILE_UNWRITABLE. */
async function trialsFolder(output: string): Promise<string> {
  const folder = join(output, "trials");
  try {
    await makeFolder(folder);
  } catch (cause) {
    throw new ModelFormatError(
      "FILE_UNWRITABLE",
      `the output folder cannot be made: ${(cause as Error).message}`,
      { path: output, cause },
    );
  }
  return folder;
}

async function openData(
  input: string,
  { data, labels, signal }: OptimizeOptions,
  { threads }: OptimizeSettings,
): Promise<{ data: SearchData; runtime: string }> {
  await using models = await ModelProcess.start({ signal });
  const { inputs } = await models.load(input, { threads });
  return { data: { source: data, labels, inputs }, runtime: await models.runtimeVersion() };
}

/** A metric that was changed is another one. */
function moduleTexts({ metrics = [] }: OptimizeOptions): string[] {
  return metrics.filter((name) => name.endsWith(".mjs")).map((path) => readFileSync(path, "utf8"));
}
