import { type ChildProcess, fork } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ModelOperationError } from "../errors.js";
import { packageRoot } from "../package-root.js";
import type { OnProgress } from "../progress.js";
import { type TrialRecord, unfinishedFolder } from "./trial.js";
import type { ChildMessage, ChildTask } from "./trial-child.js";
import { fromSent, type TrialJob } from "./trial-job.js";

/** The compiled child: never the source of it, under the test runner either. */
const CHILD = "dist/optimize/trial-child.js";

interface RunOptions {
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/**
 * Runs a trial in a process of its own, which ends with it: what a candidate leaves in memory, or a crash, stays there, and files
 * that are not whole, temporary ones too, go with it. Rejects with what the trial throws, PROCESS_DIED, or signal.reason.
 */
export async function runInProcess(job: TrialJob, options: RunOptions = {}): Promise<TrialRecord> {
  options.signal?.throwIfAborted();
  const place = unfinishedFolder(job, job.candidate);
  const child = fork(join(packageRoot(), CHILD), {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execArgv: [],
    env: { ...process.env, TMPDIR: place, TEMP: place, TMP: place },
  });
  const closed = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    // One that could not be started is never closed.
    child.once("error", () => resolve());
  });
  try {
    return await answerOf(child, { job, place }, options);
  } finally {
    child.kill("SIGKILL");
    await closed;
    // The processes of its models may take a moment longer to end.
    await rm(place, { recursive: true, force: true, maxRetries: 3 });
  }
}

function answerOf(
  child: ChildProcess,
  task: ChildTask,
  { signal, onProgress }: RunOptions,
): Promise<TrialRecord> {
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
      const how = name ?? `code ${code}`;
      reject(
        new ModelOperationError("PROCESS_DIED", `the trial ${task.job.candidate.label} ended with ${how}`),
      );
    });
    child.send(task);
  });
}
