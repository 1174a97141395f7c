// A process that runs a trial for runInProcess: one message is the task, the last one the answer.
import type { Progress } from "../progress.js";
import type { TrialRecord } from "./trial.js";
import { runJob, type SentError, type TrialJob, toSent } from "./trial-job.js";

/** A job, and where its files lie until they are whole. */
export interface ChildTask {
  job: TrialJob;
  place: string;
}

export type ChildMessage = { progress: Progress } | { record: TrialRecord } | { error: SentError };

function send(message: ChildMessage): void {
  process.send!(message);
}

process.on("message", async ({ job, place }: ChildTask) => {
  try {
    send({ record: await runJob(job, place, { onProgress: (progress) => send({ progress }) }) });
  } catch (error) {
    send({ error: toSent(error) });
  }
});
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole process group; the parent decides what becomes of this process.
process.on("SIGINT", () => undefined);
