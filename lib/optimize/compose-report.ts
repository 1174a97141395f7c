import { availableParallelism, cpus } from "node:os";
import { basename } from "node:path";
import { fileOf } from "../data/open-dataset.js";
import { packageVersion } from "../package-version.js";
import { describeBest, describeModel, opsOf } from "./describe-result.js";
import type { OptimizeOptions } from "./options.js";
import type { PreparedSearch } from "./prepare-search.js";
import type { Verdict } from "./reach-verdict.js";
import type { Report, ReportTrial } from "./report.js";
import type { SearchResult } from "./search.js";

/** What a search came to. */
interface Outcome extends Verdict {
  readonly found: SearchResult;
  readonly spentSeconds: number;
}

/** All that is told of a search, as report.json holds it. */
export async function composeReport(
  prepared: PreparedSearch,
  { data, budgetSeconds }: { data: OptimizeOptions["data"]; budgetSeconds: number },
  { found, verdict, chosen, spentSeconds }: Outcome,
): Promise<Report> {
  const { context, wanted, sizes, labelled, runtime } = prepared;
  const { model: original, metrics, threads } = context;
  const trials = found.records.map(({ trial }) => trial);
  const best = found.records.find(({ trial }) => trial === (chosen ?? nearest(trials)));
  const described = best
    ? await describeBest(context, best)
    : { layers: [], ops: opsOf(original, original), graph: { nodes: [] } };
  return {
    version: 1,
    tool: { name: "modelpress", version: packageVersion() },
    date: new Date().toISOString(),
    machine: { ...describeMachine(), onnxruntime: runtime, threads },
    model: describeModel(original, wanted.originalBytes, trials),
    data: { source: sourceName(data), labelled, parts: reportedParts(sizes) },
    goal: {
      goal: wanted.goal,
      metric: metrics[0]!.name,
      maxDrop: wanted.maxDrop,
      budgetSeconds,
      spentSeconds,
      ended: found.ended,
    },
    verdict,
    trials,
    ...described,
  };
}

/** Samples for each use: the verdict has those of its reserve too. */
export function reportedParts({
  calibration,
  selection,
  verdict,
  reserve,
}: PreparedSearch["sizes"]): Report["data"]["parts"] {
  return { calibration, selection, verdict: verdict + reserve };
}

function describeMachine(): Pick<Report["machine"], "cpu" | "cores" | "platform" | "node"> {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
  };
}

/** What can be told of where nothing could be chosen. */
function nearest(trials: readonly ReportTrial[]): ReportTrial | undefined {
  const [best] = trials
    .filter(({ metrics }) => metrics.length > 0)
    .sort((a, b) => a.metrics[0]!.drop - b.metrics[0]!.drop);
  return best;
}

function sourceName(data: OptimizeOptions["data"]): string {
  const file = fileOf(data);
  return file ? basename(file.path) : "in memory";
}
