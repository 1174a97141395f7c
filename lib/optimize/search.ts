import { inspectModel } from "../graph/inspect-model.js";
import { Budget } from "./budget.js";
import type { Candidate } from "./candidate.js";
import { chanceToHold } from "./chance.js";
import type { OptimizeEvent } from "./events.js";
import type { Executor } from "./executor.js";
import { paretoFront } from "./front.js";
import { choose, type Wanted } from "./gate.js";
import { firstCandidates, profileOf, refinements } from "./proposals.js";
import type { ReportTrial } from "./report.js";
import type { TrialRecord } from "./trial.js";

export interface SearchOptions extends Wanted {
  /** Path of the original. */
  model: string;
  /** How many samples the result is judged by. */
  verdictSamples: number;
  /** Seconds that are left. */
  budgetSeconds: number;
  onEvent?: ((event: OptimizeEvent) => void) | undefined;
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
 * and the budget lasts.
 */
export async function search(executor: Executor, options: SearchOptions): Promise<SearchResult> {
  const { maxDrop, verdictSamples, onEvent } = options;
  const clock = new Budget(options.budgetSeconds);
  const records: TrialRecord[] = [];
  const trials = () => records.map(({ trial }) => trial);
  let front = "";
  const note = (record: TrialRecord) => {
    const { trial } = record;
    if (trials().some(({ id }) => id === trial.id)) return;
    trial.chance = chanceToHold(trial, maxDrop, verdictSamples);
    records.push(record);
    clock.note(trial.seconds);
    onEvent?.({ event: "trial", trial });
    const ids = [...paretoFront(trials())].map(({ id }) => id);
    if (ids.join() !== front) onEvent?.({ event: "front", trials: ids });
    front = ids.join();
  };
  const tryAll = async (candidates: readonly Candidate[]) => {
    // In the order of the candidates, whoever ends first: the same search has the same report.
    for (let i = 0; i < candidates.length && !clock.isOver(); i += executor.atOnce) {
      const together = candidates.slice(i, i + executor.atOnce);
      const after = candidates.length - i - together.length;
      onEvent?.({
        event: "begin",
        label: together.map(({ label }) => label).join(", "),
        number: records.length + 1,
        after,
        secondsLeft: clock.left(1 + Math.ceil(after / executor.atOnce)),
      });
      for (const record of await runTogether(executor, together)) note(record);
    }
  };

  const profile = profileOf(inspectModel(options.model));
  await tryAll(firstCandidates(profile, options.goal));
  let idle = 0;
  for (const round of refinements(profile, trials, options)) {
    if (clock.isOver()) break;
    if (idle >= PATIENCE) return { records, ended: `${PATIENCE} rounds in a row found nothing better` };
    const before = standing(trials(), options);
    await tryAll(round);
    idle = standing(trials(), options) === before ? idle + 1 : 0;
  }
  return { records, ended: clock.isOver() ? "the budget was spent" : "every proposal was tried" };
}

/** All records, or the first error once none is at work any more. */
async function runTogether(executor: Executor, candidates: readonly Candidate[]): Promise<TrialRecord[]> {
  const settled = await Promise.allSettled(candidates.map((candidate) => executor.run(candidate)));
  return settled.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
}

/** Who stands on the front, among those that may become the result, and who would become it. */
function standing(trials: readonly ReportTrial[], wanted: Wanted): string {
  const within = trials.filter(
    ({ metrics }) => (metrics[0]?.drop ?? Number.POSITIVE_INFINITY) <= wanted.maxDrop,
  );
  return [choose(trials, wanted), ...paretoFront(within)].map((trial) => trial?.id).join();
}
