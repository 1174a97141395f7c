import type { Candidate } from "./candidate.js";
import { runTrial, type TrialContext, type TrialRecord } from "./trial.js";
import type { TrialJob } from "./trial-job.js";
import { runInProcess } from "./trial-process.js";

/** Who runs trials. */
export interface Executor extends AsyncDisposable {
  /** How many trials it can run at once. */
  readonly atOnce: number;
  run(candidate: Candidate): Promise<TrialRecord>;
}

/** One trial after the other on this machine, so that none disturbs another's times. */
export class LocalExecutor implements Executor {
  readonly atOnce = 1;

  /** Without a job, where the samples are in this process's memory, trials run in this process. */
  constructor(
    private readonly context: TrialContext,
    private readonly job: Omit<TrialJob, "candidate"> | undefined,
  ) {}

  run(candidate: Candidate): Promise<TrialRecord> {
    const { context, job } = this;
    return job ? runInProcess({ ...job, candidate }, context) : runTrial(context, candidate);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
