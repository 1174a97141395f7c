import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { modelBytes } from "../onnx/model-bytes.js";
import { ModelProcess } from "../runtime/model-process.js";
import { describeBest, describeModel, opsOf } from "./describe-result.js";
import { modelDigest, plainDigest } from "./digest.js";
import { exportTransformersJs } from "./export-transformersjs.js";
import { exportTriton } from "./export-triton.js";
import { timeFinalists } from "./finalists.js";
import { paretoFront } from "./front.js";
import type { Wanted } from "./gate.js";
import { type Metric, openMetric } from "./metric.js";
import { isPath, openExecutor } from "./open-executor.js";
import { type OptimizeOptions, type OptimizeResult, optimizeSettings } from "./options.js";
import { dataDigest, measureParts, type SearchData } from "./parts.js";
import { reachVerdict } from "./reach-verdict.js";
import type { Report, ReportTrial } from "./report.js";
import { type SearchOptions, type SearchResult, search } from "./search.js";
import { removeUnfinished, type TrialContext } from "./trial.js";
import { writeModels, writeReport, writeRunScript } from "./write-output.js";

/**
 * Finds the best form of a model within an accuracy budget: tries int8, 4-bit weights, float16, repairs, mixtures and fewer
 * channels, measures each in onnxruntime-node on samples that it was not made with, and judges the one it chooses by samples
 * that no choice saw. The result is called good only if it holds the budget there and is faster or smaller beyond the noise.
 *
 * Trials are kept in the output folder by the content of model, data and settings: after an interruption, or with a larger
 * budget, what was tried is not tried again.
 *
 * @param input path of an ONNX model
 * @throws ModelFormatError for a damaged model or data that does not fit it
 * @throws ModelOperationError DATA_TOO_SMALL, RUNTIME_MISSING or RUNTIME_FAILED
 * @throws RangeError for options; signal.reason when aborted
 *
 * @example
 * const { model, report } = await optimizeModel("model.onnx", { output: "best", data: "samples.safetensors", labels: "y" });
 */
export async function optimizeModel(input: string, options: OptimizeOptions): Promise<OptimizeResult> {
  const settings = optimizeSettings(options);
  const start = performance.now();
  const spent = () => (performance.now() - start) / 1000;
  const folder = resolve(options.output);
  if (dirname(resolve(input)) === folder)
    throw new RangeError(
      `output is the folder of ${basename(input)} itself, whose files it would replace; name another`,
    );
  const trialsFolder = join(folder, "trials");
  await mkdir(trialsFolder, { recursive: true });
  const { data, runtime } = await openSearch(input, options, settings.threads);
  const parts = await measureParts(data);
  const { calibration, selection, verdict: unseen, reserve } = parts.sizes;
  const samples = { calibration, selection, verdict: unseen + reserve };
  const metrics = await openMetrics(options, parts.labelled);
  const key = plainDigest([
    packageVersion(),
    runtime,
    await modelDigest(input),
    await dataDigest(data),
    metrics.map(({ name }) => name),
    moduleTexts(options),
    settings.maxDrop,
    settings.threads,
  ]);
  const { signal, onProgress, onEvent } = options;
  const context: TrialContext = {
    model: input,
    data,
    metrics,
    ...settings,
    folder: trialsFolder,
    key,
    signal,
    onProgress,
  };
  await removeUnfinished(trialsFolder);
  const originalBytes = modelBytes(input);
  const wanted: Wanted = { ...settings, originalBytes };
  onEvent?.({
    event: "start",
    model: basename(input),
    goal: settings.goal,
    metric: metrics[0]!.name,
    maxDrop: settings.maxDrop,
    budgetSeconds: settings.budgetSeconds,
    parts: samples,
  });
  const found = await searchWith(context, options, {
    ...wanted,
    model: input,
    verdictSamples: samples.verdict,
    budgetSeconds: settings.budgetSeconds - spent(),
    onEvent,
  });
  onEvent?.({ event: "end", ended: found.ended, spentSeconds: spent() });
  const trials = found.records.map(({ trial }) => trial);
  await timeFinalists(context, trials, wanted);
  for (const trial of paretoFront(trials)) trial.onFront = true;
  const { verdict, chosen } = await reachVerdict(context, trials, wanted, parts.sizes, onEvent);
  const model = await writeModels(folder, trials, verdict.good ? chosen : undefined, trialsFolder);
  const best = found.records.find(({ trial }) => trial === (chosen ?? nearest(trials)));
  const described = best
    ? await describeBest(context, best)
    : { layers: [], ops: opsOf(input, input), graph: { nodes: [] } };
  const report: Report = {
    version: 1,
    tool: { name: "modelpress", version: packageVersion() },
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: availableParallelism(),
      platform: `${process.platform}-${process.arch}`,
      node: process.version,
      onnxruntime: runtime,
      threads: settings.threads,
    },
    model: describeModel(input, originalBytes, trials),
    data: { source: sourceName(options), labelled: parts.labelled, parts: samples },
    goal: {
      goal: settings.goal,
      metric: metrics[0]!.name,
      maxDrop: settings.maxDrop,
      budgetSeconds: settings.budgetSeconds,
      spentSeconds: spent(),
      ended: found.ended,
    },
    verdict,
    trials,
    ...described,
  };
  if (model !== undefined) {
    await writeRunScript(folder, report);
    for (const layout of new Set(options.exports)) {
      if (layout === "triton") await exportTriton(folder, model, report);
      else await exportTransformersJs(folder, input, model, chosen!);
    }
  }
  await writeReport(folder, report);
  return { report, ...(model !== undefined && { model }) };
}

async function searchWith(
  context: TrialContext,
  options: OptimizeOptions,
  searchOptions: SearchOptions,
): Promise<SearchResult> {
  await using executor = await openExecutor(context, options);
  // Awaited here: the executor is closed when this function ends.
  return await search(executor, searchOptions);
}

async function openSearch(
  input: string,
  { data, labels, signal }: OptimizeOptions,
  threads: number,
): Promise<{ data: SearchData; runtime: string }> {
  await using models = await ModelProcess.start({ signal });
  const { inputs } = await models.load(input, { threads });
  return { data: { source: data, labels, inputs }, runtime: await models.runtimeVersion() };
}

/** A metric that was changed is another one. */
function moduleTexts({ metrics = [] }: OptimizeOptions): string[] {
  return metrics.filter((name) => name.endsWith(".mjs")).map((path) => readFileSync(path, "utf8"));
}

async function openMetrics({ metrics }: OptimizeOptions, labelled: boolean): Promise<Metric[]> {
  const names =
    metrics && metrics.length > 0 ? metrics : labelled ? ["top-1", "agreement"] : ["agreement", "cosine"];
  return Promise.all(names.map(openMetric));
}

/** What can be told of where nothing could be chosen. */
function nearest(trials: readonly ReportTrial[]): ReportTrial | undefined {
  const [best] = trials
    .filter(({ metrics }) => metrics.length > 0)
    .sort((a, b) => a.metrics[0]!.drop - b.metrics[0]!.drop);
  return best;
}

function sourceName({ data }: OptimizeOptions): string {
  return isPath(data) ? basename(String(data)) : "in memory";
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
