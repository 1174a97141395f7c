import { basename, dirname, resolve } from "node:path";
import { composeReport, reportedParts } from "./compose-report.js";
import { exportTransformersJs } from "./export-transformersjs.js";
import { exportTriton } from "./export-triton.js";
import { timeFinalists } from "./finalists.js";
import { paretoFront } from "./front.js";
import { openExecutor } from "./open-executor.js";
import { type OptimizeOptions, type OptimizeResult, optimizeSettings } from "./options.js";
import { type PreparedSearch, prepareSearch } from "./prepare-search.js";
import { reachVerdict, type Verdict } from "./reach-verdict.js";
import type { Report, ReportTrial } from "./report.js";
import { type SearchResult, search } from "./search.js";
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
  const folder = outputFolder(input, options);
  const prepared = await prepareSearch(input, options, settings, folder);
  announce(prepared, options, settings.budgetSeconds);
  const found = await runSearch(prepared, options, settings.budgetSeconds - spent());
  options.onEvent?.({ event: "end", ended: found.ended, spentSeconds: spent() });
  const trials = found.records.map(({ trial }) => trial);
  const decided = await decide(prepared, trials, options);
  const result = decided.verdict.good ? decided.chosen : undefined;
  const model = await writeModels(folder, trials, result, prepared.context.folder);
  const report = await composeReport(
    prepared,
    { ...options, ...settings },
    { found, ...decided, spentSeconds: spent() },
  );
  if (model !== undefined) await writeBesideModel(folder, { input, model, chosen: result! }, report, options);
  await writeReport(folder, report);
  return { report, ...(model !== undefined && { model }) };
}

function outputFolder(input: string, { output }: OptimizeOptions): string {
  const folder = resolve(output);
  if (dirname(resolve(input)) === folder)
    throw new RangeError(
      `output is the folder of ${basename(input)} itself, whose files it would replace; name another`,
    );
  return folder;
}

function announce(
  { context, wanted, sizes }: PreparedSearch,
  { onEvent }: OptimizeOptions,
  budgetSeconds: number,
): void {
  onEvent?.({
    event: "start",
    model: basename(context.model),
    goal: wanted.goal,
    metric: context.metrics[0]!.name,
    maxDrop: wanted.maxDrop,
    budgetSeconds,
    parts: reportedParts(sizes),
  });
}

async function runSearch(
  { context, wanted, sizes }: PreparedSearch,
  options: OptimizeOptions,
  budgetSeconds: number,
): Promise<SearchResult> {
  await using executor = await openExecutor(context, options);
  // Awaited here: the executor is closed when this function ends.
  return await search(executor, {
    ...wanted,
    model: context.model,
    verdictSamples: sizes.verdict + sizes.reserve,
    budgetSeconds,
    onEvent: options.onEvent,
  });
}

/** Times the best once more, marks who is on the front, and judges one. */
async function decide(
  { context, wanted, sizes }: PreparedSearch,
  trials: readonly ReportTrial[],
  { onEvent }: OptimizeOptions,
): Promise<Verdict> {
  await timeFinalists(context, trials, wanted);
  for (const trial of paretoFront(trials)) trial.onFront = true;
  return reachVerdict(context, trials, wanted, sizes, onEvent);
}

/** What lies beside a result. */
async function writeBesideModel(
  folder: string,
  { input, model, chosen }: { input: string; model: string; chosen: ReportTrial },
  report: Report,
  { exports }: OptimizeOptions,
): Promise<void> {
  await writeRunScript(folder, report);
  for (const layout of new Set(exports)) {
    if (layout === "triton") await exportTriton(folder, model, report);
    else await exportTransformersJs(folder, input, model, chosen);
  }
}
