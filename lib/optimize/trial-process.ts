import { fork } from "node:child_process";
import { join } from "node:path";
import { ModelOperationError } from "../errors.js";
import { packageRoot } from "../package-root.js";
import type { OnProgress } from "../progress.js";
import type { TrialRecord } from "./trial.js";
import type { ChildMessage } from "./trial-child.js";
import { fromSent, type TrialJob } from "./trial-job.js";

/** The compiled child: never the source of it, under the test runner either. */
const CHILD = "dist/optimize/trial-child.js";

/**
 * Runs a trial in a process of its own, which ends with it: what a candidate leaves in memory, or a crash, stays there.
 * Rejects with what the trial throws, PROCESS_DIED, or signal.reason.
 */
export function runInProcess(
  job: TrialJob,
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress?: OnProgress | undefined } = {},
): Promise<TrialRecord> {
  signal?.throwIfAborted();
  const child = fork(join(packageRoot(), CHILD), {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execArgv: [],
  });
  return new Promise<TrialRecord>((resolve, reject) => {
    const abort = () => reject(signal!.reason);
    signal?.addEventListener("abort", abort);
    child.on("message", (message: ChildMessage) => {
      if ("progress" in message) onProgress?.(message.progress);
      else if ("record" in message) resolve(message.record);
      else reject(fromSent(message.error));
    });
    child.on("error", reject);
    child.on("close", (code, name) => {
      signal?.removeEventListener("abort", abort);
      reject(
        new ModelOperationError(
          "PROCESS_DIED",
          `the trial ${job.candidate.label} ended with ${name ?? `code ${code}`}`,
        ),
      );
    });
    child.send(job);
  }).finally(() => child.kill("SIGKILL"));
}
