import { inspectModel } from "../graph/inspect-model.js";
import type { Candidate } from "./candidate.js";
import type { Executor } from "./executor.js";
import { paretoFront } from "./front.js";
import { firstCandidates, type Goal, profileOf, refinements } from "./proposals.js";
import type { ReportTrial } from "./report.js";
import type { TrialRecord } from "./trial.js";

export interface SearchOptions {
  /** Path of the original. */
  model: string;
  maxDrop: number;
  goal: Goal;
  budgetSeconds: number;
  /** Told after each trial. */
  onTrial?: ((trial: ReportTrial) => void) | undefined;
}

export interface SearchResult {
  records: TrialRecord[];
  /** Why no more was tried. */
  ended: string;
}

/** After so many rounds of refinements in a row that the front did not feel, others are not tried. */
const PATIENCE = 2;

/**
 * Tries a candidate of each family, then refinements of those, as long as they move the front of accuracy, latency and size
 * and the budget lasts. A trial that is not done when the budget ends is finished.
 */
export async function search(executor: Executor, options: SearchOptions): Promise<SearchResult> {
  const start = performance.now();
  const records: TrialRecord[] = [];
  const tried = new Set<string>();
  const trials = () => records.map(({ trial }) => trial);
  const isOver = () => (performance.now() - start) / 1000 >= options.budgetSeconds;
  const note = (record: TrialRecord) => {
    if (tried.has(record.trial.id)) return;
    tried.add(record.trial.id);
    records.push(record);
    options.onTrial?.(record.trial);
  };
  const tryAll = async (candidates: readonly Candidate[]) => {
    // In the order of the candidates, whoever ends first: the same search has the same report.
    for (let i = 0; i < candidates.length && !isOver(); i += executor.atOnce)
      for (const record of await runTogether(executor, candidates.slice(i, i + executor.atOnce)))
        note(record);
  };

  const profile = profileOf(inspectModel(options.model));
  await tryAll(firstCandidates(profile, options.goal));
  let idle = 0;
  for (const round of refinements(profile, trials(), options.maxDrop)) {
    if (isOver()) break;
    if (idle >= PATIENCE) return { records, ended: `${PATIENCE} rounds in a row found nothing better` };
    const before = frontOf(trials(), options.maxDrop);
    await tryAll(round);
    idle = frontOf(trials(), options.maxDrop) === before ? idle + 1 : 0;
  }
  return { records, ended: isOver() ? "the budget was spent" : "every proposal was tried" };
}

/** All records, or the first error once none is at work any more. */
async function runTogether(executor: Executor, candidates: readonly Candidate[]): Promise<TrialRecord[]> {
  const settled = await Promise.allSettled(candidates.map((candidate) => executor.run(candidate)));
  return settled.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
}

/** Who stands on the front, among those that may become the result. */
function frontOf(trials: readonly ReportTrial[], maxDrop: number): string {
  const within = trials.filter(({ metrics }) => (metrics[0]?.drop ?? Number.POSITIVE_INFINITY) <= maxDrop);
  return [...paretoFront(within)].map(({ id }) => id).join();
}
