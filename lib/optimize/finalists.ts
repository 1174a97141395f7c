import { ranked, type Wanted } from "./gate.js";
import { partSource } from "./parts.js";
import type { ReportTrial } from "./report.js";
import { timeTogether } from "./time-pair.js";
import { type TrialContext, trialModel } from "./trial.js";

const FINALISTS = 4;

/**
 * Times the best trials again, all in turn: what a machine had to do beside the one trial or the other must not decide between
 * them.
 */
export async function timeFinalists(
  context: TrialContext,
  trials: readonly ReportTrial[],
  wanted: Wanted,
): Promise<void> {
  const finalists = ranked(trials, wanted).slice(0, FINALISTS);
  if (finalists.length < 2) return;
  const models = finalists.map(({ id }) => trialModel(context, id));
  const times = await timeTogether(context.model, models, partSource(context.data, "selection"), context);
  for (const [i, trial] of finalists.entries()) trial.latency = times[i]!;
}
